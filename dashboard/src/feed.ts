/**
 * The server's events. They are read with fetch(), not an EventSource, which cannot send a token; the token comes behind the "#" of the
 * address, and stays in this tab.
 */
import type { FeedCommand, FeedState, Header, Snapshot } from "../../src/server/wire.ts";
import type { Store } from "./store.ts";

const TOKEN = "lieu-token";
/** Milliseconds until another attempt, at first and at most. */
const FIRST_WAIT = 500;
const MOST_WAIT = 10_000;

function headers(): Record<string, string> {
  const token = sessionStorage.getItem(TOKEN);
  return token === null ? {} : { authorization: `Bearer ${token}` };
}

/** Take the token out of the address, where it would be seen. */
function takeToken(): void {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (token === null) return;
  sessionStorage.setItem(TOKEN, token);
  history.replaceState(null, "", location.pathname);
}

export function giveToken(store: Store, token: string): void {
  sessionStorage.setItem(TOKEN, token);
  store.set({ tokenWanted: false });
  void follow(store);
}

/** Follow the server for as long as there is one to follow. */
export async function follow(store: Store): Promise<void> {
  takeToken();
  for (let wait = FIRST_WAIT; ; wait = Math.min(MOST_WAIT, wait * 2)) {
    try {
      const response = await fetch("events", { headers: headers() });
      if (response.status === 401) {
        store.set({ tokenWanted: true, trouble: "A token is needed." });
        return;
      }
      if (!response.ok || response.body === null) throw new Error(await response.text());
      wait = FIRST_WAIT;
      await readEvents(response.body, (event, data) => hear(store, event, data));
    } catch {
      // Said below: it is the same to whoever looks why there is nothing to be had.
    }
    if (store.state.feed.phase === "ended") return;
    store.set({ trouble: "The program does not answer. What was seen of it stays." });
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

function hear(store: Store, event: string, data: unknown): void {
  if (event === "header") {
    const { header, controls } = data as { header: Header; controls: boolean };
    store.begin(header, controls);
  } else if (event === "snapshots") store.add(data as Snapshot[]);
  else if (event === "state") store.set({ feed: data as FeedState });
}

async function readEvents(body: ReadableStream<Uint8Array>, hear: (event: string, data: unknown) => void) {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop() as string;
    for (const block of blocks) {
      const { 1: event, 2: data } = /^event: (.*)\ndata: (.*)$/.exec(block) ?? [];
      if (event !== undefined && data !== undefined) hear(event, JSON.parse(data));
    }
  }
}

/** Tell a replay what to do. What comes of it comes with the events: an answer that is late would take the page back to what was before. */
export async function tell(store: Store, command: FeedCommand): Promise<void> {
  try {
    const response = await fetch("control", {
      method: "POST",
      headers: { ...headers(), "content-type": "application/json" },
      body: JSON.stringify(command),
    });
    if (!response.ok) throw new Error(await response.text());
  } catch {
    store.set({ trouble: "The replay does not answer." });
  }
}
