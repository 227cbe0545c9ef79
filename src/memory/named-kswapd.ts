/**
 * The thread that reclaims for a memory that processes share, as far as one of them is concerned: it begins one when there is none
 * (runtime/kswapd-turns.ts), looking ten times a second, and takes its own along when it leaves. So when a process leaves, or is killed, with the thread,
 * another's takes its place; whoever comes by reclaims in between.
 */
import { claimKswapd, disclaimKswapd, endKswapdIfDead, isKswapdMissing } from "../runtime/kswapd-turns.ts";
import type { SharedVm } from "../runtime/shared-vm.ts";
import type { MemoryDescriptor } from "./descriptor.ts";
import { KswapdThread, warnOfLoss } from "./kswapd.ts";

/** See the file's head. */
export class NamedKswapd {
  readonly #vm: SharedVm;
  readonly #descriptor: MemoryDescriptor;
  /** This process's, while it has one. @internal */
  thread: KswapdThread | undefined;
  /** This process begins no more: one failed, and others may have more luck; or it leaves. */
  #over = false;

  constructor(vm: SharedVm, descriptor: MemoryDescriptor) {
    this.#vm = vm;
    this.#descriptor = descriptor;
    // One that the process takes along when it ends might have the lock.
    vm.helper = this;
    this.look();
  }

  /** If nobody reclaims, begin a thread that does. */
  look(): void {
    const vm = this.#vm;
    if (this.#over || this.thread !== undefined || !vm.isOpen || !isKswapdMissing(vm)) return;
    if (!vm.locked(() => claimKswapd(vm))) return;
    const thread = new KswapdThread(vm, this.#descriptor, (failure) => this.#gone(failure));
    if (!this.#over) this.thread = thread;
  }
  /** It is to end, and others may begin theirs. Returns whether it has let go of the memory. */
  stop(): boolean {
    const { thread } = this;
    this.#over = true;
    if (thread === undefined) return true;
    const hasLeft = thread.stop();
    this.#letGo();
    return hasLeft;
  }
  /** Settles when its thread has ended. */
  async ended(): Promise<void> {
    await this.thread?.ended();
  }

  #letGo(): void {
    const vm = this.#vm;
    if (!vm.isOpen || vm.lock.depth > 0) return;
    try {
      vm.locked(() => {
        disclaimKswapd(vm);
        endKswapdIfDead(vm);
      });
    } catch {
      // The memory is lost, and says so to whoever uses it.
    }
  }
  #gone(failure: unknown): void {
    this.thread = undefined;
    if (!this.#vm.isOpen) return;
    this.#letGo();
    if (failure === undefined) return;
    this.#over = true;
    warnOfLoss(failure, "another process's takes its place, or whoever allocates reclaims");
  }
}
