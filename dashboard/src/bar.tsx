/** What stays on top: what this is, what it does now, the time, and what can be told to it. */
import type { Snapshot } from "../../src/server/wire.ts";
import { tell } from "./feed.ts";
import { exact, moment } from "./format.ts";
import { cursorIndex, type State, type Store, shownFrames } from "./store.ts";
import type { Choice } from "./theme.ts";

/** Milliseconds between snapshots of a replay. */
const PACES = [
  ["slow", 200],
  ["normal", 50],
  ["full speed", 0],
] as const;

interface Props {
  readonly store: Store;
  readonly state: State;
  readonly frame: Snapshot | undefined;
  readonly choice: Choice;
  setChoice(choice: Choice): void;
}

export function TopBar({ store, state, frame, choice, setChoice }: Props) {
  const { run, feed } = state;
  return (
    <header class="top">
      <h1>{run?.header.title ?? "lieu"}</h1>
      <Status state={state} />
      <div class="buttons">
        {feed.phase === "live" && <Halt store={store} state={state} />}
        {state.controls && feed.phase !== "ended" && <ReplayButtons store={store} state={state} />}
        <label>
          <span class="hidden">Theme</span>
          <select value={choice} onChange={(event) => setChoice(event.currentTarget.value as Choice)}>
            <option value="auto">auto</option>
            <option value="light">light</option>
            <option value="dark">dark</option>
          </select>
        </label>
      </div>
      {run !== undefined && frame !== undefined && <Time store={store} state={state} frame={frame} />}
    </header>
  );
}

function Status({ state: { feed, trouble, halted } }: { readonly state: State }) {
  const { phase, done = 0, total = 0 } = feed;
  const progress = total > 0 ? ` ${exact(done)} of ${exact(total)} requests` : "";
  const what =
    trouble !== undefined
      ? trouble
      : halted !== undefined
        ? "Halted: the program goes on."
        : { live: "Live.", running: `Replaying:${progress}.`, paused: `Paused at${progress}.`, ended: "Ended." }[phase];
  return (
    <p class="status" role="status" data-phase={trouble === undefined ? phase : "trouble"}>
      {what}
    </p>
  );
}

function Halt({ store, state }: { readonly store: Store; readonly state: State }) {
  const halted = state.halted !== undefined;
  const toggle = () => store.set({ halted: halted ? undefined : state.run?.frames });
  return (
    <button type="button" aria-pressed={halted} onClick={toggle}>
      {halted ? "Follow" : "Pause"}
    </button>
  );
}

function ReplayButtons({ store, state }: { readonly store: Store; readonly state: State }) {
  const { phase, pace = 0 } = state.feed;
  const running = phase === "running";
  return (
    <>
      <button type="button" onClick={() => tell(store, { command: running ? "pause" : "resume" })}>
        {running ? "Pause" : "Resume"}
      </button>
      <button type="button" disabled={running} onClick={() => tell(store, { command: "step" })}>
        Step
      </button>
      <label>
        <span class="hidden">Speed</span>
        <select value={pace} onChange={(e) => tell(store, { command: "pace", ms: Number(e.currentTarget.value) })}>
          {PACES.map(([name, ms]) => (
            <option key={name} value={ms}>
              {name}
            </option>
          ))}
        </select>
      </label>
    </>
  );
}

interface TimeProps {
  readonly store: Store;
  readonly state: State;
  readonly frame: Snapshot;
}

/** The slider goes over the snapshots; while a replay goes on, over its requests, also those to come, which it is sent on to. */
function Time({ store, state, frame }: TimeProps) {
  const { run, feed, controls, chosen } = state;
  const frames = shownFrames(state);
  const last = frames.at(-1)?.at ?? 0;
  const clock = run?.header.clock ?? "seconds";
  const ahead = controls && feed.phase !== "ended";
  const choose = (at: number) => store.set({ chosen: at >= last ? undefined : at });
  const slider = ahead
    ? { max: feed.total ?? last, value: chosen ?? last, step: Math.ceil((feed.total ?? last) / 1000) }
    : { max: frames.length - 1, value: cursorIndex(frames, { ...state, hover: undefined }), step: 1 };
  return (
    <div class="time">
      <input
        type="range"
        aria-label="Time"
        aria-valuetext={moment(frame.at, clock)}
        min={0}
        {...slider}
        onInput={(event) => {
          const value = Number(event.currentTarget.value);
          if (!ahead) choose((frames[value] as Snapshot).at);
          else if (value <= last) choose(value);
        }}
        onChange={(event) => {
          const value = Number(event.currentTarget.value);
          if (!ahead || value <= last) return;
          store.set({ chosen: undefined });
          void tell(store, { command: "seek", to: value });
        }}
      />
      <output data-test="moment">{moment(frame.at, clock)}</output>
      <button type="button" disabled={chosen === undefined} onClick={() => store.set({ chosen: undefined })}>
        Latest
      </button>
    </div>
  );
}
