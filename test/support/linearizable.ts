/**
 * Whether a history of operations of several clients on one cache is linearizable, key by key: whether they could have been made one after
 * the other, each at some moment between its call and its return, such that each gave what it gave (Herlihy and Wing). Keys are independent of each
 * other, so each is a history of its own.
 *
 * The search is that of Wing and Gong, with the set of all states that are possible so far in place of a stack (Lowe's
 * just-in-time linearization): a state is what the key holds, and which of the operations that are under way have been made. When one returns,
 * it must have been made: states where it has not are followed through all orders of others under way that end with it. None left: there is no
 * such order. So a history of any length is checked as it comes.
 *
 * A cache may lose an entry at any time, as though the environment had deleted it. So whoever finds nothing is always right, and the key holds
 * nothing from then on; whoever finds something must find what was set last.
 */

export const SET = 0;
export const GET = 1;
export const HAS = 2;
export const DELETE = 3;
const NAMES = ["set", "get", "has", "delete"];

/** What the key holds, if it holds nothing. */
const NOTHING = 0;
/** A get that gave something that nobody has ever set. */
export const TORN = -1;

/** Operations of one client, in the order in which it made them. */
export interface Operations {
  readonly length: number;
  /** SET, GET, HAS or DELETE. */
  readonly kinds: ArrayLike<number>;
  readonly keys: ArrayLike<number>;
  /** Of a set the value's number, from 1 on, no two the same; of a get that, 0 or TORN; of the others 1 (true) or 0. */
  readonly values: ArrayLike<number>;
  /** When it was called and when it returned, by one clock. */
  readonly begun: ArrayLike<number>;
  readonly ended: ArrayLike<number>;
}

interface State {
  readonly holds: number;
  /** Clients whose operation under way has been made, a bit each. */
  readonly made: number;
}
interface Pending {
  readonly kind: number;
  readonly value: number;
}

/** What the key holds after an operation; undefined: it cannot have given what it gave. */
function after(holds: number, { kind, value }: Pending): number | undefined {
  if (kind === SET) return value;
  if (value === NOTHING) return NOTHING;
  if (kind === GET) return holds === value ? holds : undefined;
  if (holds === NOTHING) return undefined;
  return kind === DELETE ? NOTHING : holds;
}

/** A key's history so far. */
class Key {
  states: State[] = [{ holds: NOTHING, made: 0 }];
  readonly pending: (Pending | undefined)[];
  readonly recent: string[] = [];

  constructor(clients: number) {
    this.pending = Array(clients).fill(undefined);
  }
  begin(client: number, operation: Pending): void {
    this.pending[client] = operation;
  }
  /** The operation of `client` returns. Gives whether it can have given what it gave. */
  end(client: number): boolean {
    const bit = 1 << client;
    const next: State[] = [];
    const add = (holds: number, made: number): void => {
      if (!next.some((state) => state.holds === holds && state.made === made)) next.push({ holds, made });
    };
    const seen = new Set<string>();
    const follow = (holds: number, made: number): void => {
      const key = `${holds} ${made}`;
      if (seen.has(key)) return;
      seen.add(key);
      this.pending.forEach((operation, other) => {
        if (operation === undefined || (made & (1 << other)) !== 0) return;
        const then = after(holds, operation);
        if (then === undefined) return;
        if (other === client) add(then, made);
        else follow(then, made | (1 << other));
      });
    };
    const alone = this.pending.every((operation, other) => operation === undefined || other === client);
    for (const { holds, made } of this.states) {
      if ((made & bit) !== 0) add(holds, made & ~bit);
      else if (alone) {
        const then = after(holds, this.pending[client] as Pending);
        if (then !== undefined) add(then, made);
      } else follow(holds, made);
    }
    this.pending[client] = undefined;
    this.states = next;
    return next.length > 0;
  }
}

/** A history that is checked as it comes; see the file's head. */
export class LinearizabilityChecker {
  readonly #keys = new Map<number, Key>();
  readonly #clients: number;
  /** Operations so far. */
  operations = 0;

  constructor(clients: number) {
    this.#clients = clients;
  }

  /**
   * The next operations of each client; all of them were called after all that were given before had returned. Gives what is wrong, or
   * undefined.
   */
  check(history: readonly Operations[]): string | undefined {
    // Of each client: the next event, twice its operation, one more if that returns.
    const next = history.map(() => 0);
    const timeOf = (client: number): number => {
      const { length, begun, ended } = history[client] as Operations;
      const event = next[client] as number;
      if (event >= 2 * length) return Number.POSITIVE_INFINITY;
      return ((event & 1) === 0 ? begun : ended)[event >> 1] as number;
    };
    const times = history.map((_, client) => timeOf(client));
    for (;;) {
      let client = -1;
      let time = Number.POSITIVE_INFINITY;
      times.forEach((at, other) => {
        // At one time calls come first: what touches overlaps.
        const sooner =
          at < time || (at === time && client >= 0 && ((next[client] as number) & 1) > ((next[other] as number) & 1));
        if (!sooner) return;
        client = other;
        time = at;
      });
      if (client < 0) return undefined;
      const event = next[client] as number;
      next[client] = event + 1;
      times[client] = timeOf(client);
      const wrong = this.#event(history[client] as Operations, client, event);
      if (wrong !== undefined) return wrong;
    }
  }

  #event(of: Operations, client: number, event: number): string | undefined {
    const i = event >> 1;
    const at = of.keys[i] as number;
    let key = this.#keys.get(at);
    if (key === undefined) {
      key = new Key(this.#clients);
      this.#keys.set(at, key);
    }
    const operation = { kind: of.kinds[i] as number, value: of.values[i] as number };
    if ((event & 1) === 0) {
      key.begin(client, operation);
      return undefined;
    }
    this.operations++;
    const { kind, value } = operation;
    const holds = key.states.map((state) => state.holds).join(" or ");
    key.recent.push(
      `client ${client} ${NAMES[kind]} ${value}, from ${of.begun[i]} to ${of.ended[i]} (it held ${holds})`,
    );
    if (key.recent.length > 12) key.recent.shift();
    if (key.end(client)) return undefined;
    return `key ${at} is not linearizable; its last operations, as they returned:\n${key.recent.join("\n")}`;
  }
}
