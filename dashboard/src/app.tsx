/** The page. */
import { useEffect, useReducer } from "preact/hooks";
import { TopBar } from "./bar.tsx";
import { Curves } from "./curve.tsx";
import { giveToken } from "./feed.ts";
import { PageMapPanel } from "./page-map.tsx";
import { ColdTail, Hits, Latency, Moves, Occupancy, Reclaim } from "./panels.tsx";
import type { Cursor } from "./plot.tsx";
import { cursorIndex, type Store, shownFrames } from "./store.ts";
import { Counters, Holders } from "./tables.tsx";
import { useTheme } from "./theme.ts";

export function App({ store }: { readonly store: Store }) {
  const [, redraw] = useReducer((n: number, _: undefined) => n + 1, 0);
  useEffect(() => store.listen(() => redraw(undefined)), [store]);
  const [theme, choice, setChoice] = useTheme();
  const { state } = store;
  const { run } = state;
  const frames = shownFrames(state);
  const index = cursorIndex(frames, state);
  const frame = frames[index];
  useEffect(() => {
    if (run !== undefined) document.title = `${run.header.title} – lieu`;
  }, [run?.header.title]);
  const cursor: Cursor = {
    at: state.hover ?? state.chosen,
    hover: (hover) => store.set({ hover }),
    choose: (chosen) => store.set({ chosen }),
  };
  return (
    <>
      <TopBar store={store} state={state} frame={frame} choice={choice} setChoice={setChoice} />
      <main>
        {state.tokenWanted && <AskToken store={store} />}
        {run !== undefined && frame !== undefined && (
          <>
            <Occupancy header={run.header} {...{ frames, index, cursor, theme }} />
            <Moves header={run.header} {...{ frames, index, cursor, theme }} />
            <PageMapPanel header={run.header} {...{ frames, index, cursor, theme }} />
            <Hits header={run.header} {...{ frames, index, cursor, theme }} />
            <Latency header={run.header} {...{ frames, index, cursor, theme }} />
            <Curves frame={frame} theme={theme} />
            <ColdTail header={run.header} {...{ frames, index, cursor, theme }} />
            <Holders header={run.header} frame={frame} theme={theme} />
            <Reclaim header={run.header} {...{ frames, index, cursor, theme }} />
            <Counters header={run.header} frame={frame} />
          </>
        )}
      </main>
    </>
  );
}

function AskToken({ store }: { readonly store: Store }) {
  return (
    <form
      class="panel wide"
      onSubmit={(event) => {
        event.preventDefault();
        giveToken(store, String(new FormData(event.currentTarget).get("token")));
      }}
    >
      <label>
        The token that serve() gave <input name="token" type="password" autoComplete="off" required />
      </label>{" "}
      <button type="submit">Show</button>
    </form>
  );
}
