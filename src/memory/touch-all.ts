/** Touches the pages of all shards, one after the other, so that the event loop has one slice of it at a time. */
import { type Touching, touchInSlices, touchNow } from "../runtime/pretouch.ts";
import type { Vm } from "../runtime/vm.ts";

/** See the file's head. */
export class TouchAll {
  readonly #shards: readonly { readonly vm: Vm }[];
  readonly #touched: (i: number) => void;
  #now: Touching | undefined;
  #staying = false;
  #stopped = false;
  readonly #done: Promise<void>;

  /** `touched`: shard `i` is done. */
  constructor(shards: readonly { readonly vm: Vm }[], touched: (i: number) => void) {
    this.#shards = shards;
    this.#touched = touched;
    this.#done = this.#run();
  }
  async #run(): Promise<void> {
    for (const [i, { vm }] of this.#shards.entries()) {
      if (this.#stopped) return;
      this.#now = touchInSlices(vm.segment, () => this.#touched(i));
      if (this.#staying) this.#now.stay();
      await this.#now.done;
    }
  }

  /** Settles when all is done or it was stopped; the process stays for it. */
  all(): Promise<void> {
    this.#staying = true;
    this.#now?.stay();
    return this.#done;
  }
  /** Do all of it here and now. */
  now(): void {
    this.stop();
    this.#shards.forEach(({ vm }, i) => {
      touchNow(vm.segment);
      this.#touched(i);
    });
  }
  stop(): void {
    this.#stopped = true;
    this.#now?.stop();
  }
}
