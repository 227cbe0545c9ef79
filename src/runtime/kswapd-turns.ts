/**
 * Which thread reclaims for a memory that processes share (`kswapd: "thread"`). There is one at a time, of one of the processes that opened the
 * memory; what it is at, and its slot, stand in the control buffer. When it is gone, by whatever end, whoever finds that takes its work back
 * (takeover.ts, endKswapd()), so that reclaim is inline, and one of the processes begins another thread: the one that says first that it will. Who says so
 * and dies is no heir any more.
 *
 * All of it under the lock, but for the first look.
 */
import { type Control, KSWAPD, KSWAPD_HEIR, KSWAPD_NONE } from "./control.ts";
import { endKswapd, type Shared } from "./takeover.ts";

/** Whether there is none, nor anybody who is about to begin one, as far as can be told without the lock. It asks the system. */
export function isKswapdMissing({ control, slot }: Pick<Shared, "control" | "slot">): boolean {
  const { kswapdSlot } = control;
  return kswapdSlot === 0 ? heirOf(control, slot) === 0 : !control.isAlive(kswapdSlot);
}
/** This thread is to begin it. False: there is one by now, or another is to. */
export function claimKswapd(vm: Shared): boolean {
  const { control, slot } = vm;
  endKswapdIfDead(vm);
  if (control.kswapdSlot !== 0 || heirOf(control, slot) !== 0) return false;
  control.words[KSWAPD_HEIR] = slot;
  return true;
}
/** This thread is not to begin one, after all. */
export function disclaimKswapd({ control, slot }: Shared): void {
  if (control.words[KSWAPD_HEIR] === slot) control.words[KSWAPD_HEIR] = 0;
}
/** Whoever comes by reclaims again if the thread that did is dead. */
export function endKswapdIfDead(vm: Shared): void {
  const { control } = vm;
  const { kswapdSlot } = control;
  if (kswapdSlot !== 0 && !control.isAlive(kswapdSlot)) endKswapd(vm);
}
/** This thread has the slot of one who is no more: it is not what that one was. */
export function renounceKswapd(vm: Shared): void {
  disclaimKswapd(vm);
  if (vm.control.kswapdSlot === vm.slot) endKswapd(vm);
}
/** Whether this thread may be the one that reclaims: there is no other that lives. */
export function isKswapdFree(vm: Shared): boolean {
  endKswapdIfDead(vm);
  return vm.control.words[KSWAPD] === KSWAPD_NONE;
}

/** Who else is about to begin one. */
function heirOf(control: Control, me: number): number {
  const heir = Atomics.load(control.words, KSWAPD_HEIR);
  return heir !== 0 && heir !== me && control.isAlive(heir) ? heir : 0;
}
