/** What is learned of pages that were lost: which kinds of them come back. */
import { expect, test } from "vitest";
import { bootEngine } from "../../test/support/engine.ts";
import { FAULTS_PER_TICK } from "./last-use.ts";
import {
  frames,
  H_GONE,
  H_GONE_BACK,
  H_GONE_OUT,
  H_GONE_TIME,
  H_LRU_CLOCK,
  hdr,
  NR_GONE,
  NR_KINDS,
  scratch,
  setHdr,
} from "./layout.ts";
import { ld } from "./machine.ts";
import { ageGone, forgetGone, noteBack, noteGone, rateKinds } from "./regrets.ts";

const rateOf = (kind: number): number => {
  rateKinds(scratch());
  return ld(scratch() + (kind << 2));
};
const sum = (field: number): number =>
  Array.from({ length: NR_KINDS }, (_, kind) => hdr(field + (kind << 2))).reduce((a, b) => a + b);
const remembered = (): number =>
  Array.from({ length: NR_GONE }, (_, i) => hdr(H_GONE + (i << 3))).filter((vpn) => vpn !== 0).length;

test("a kind that comes back soon is worse to lose than one that comes back late or never, until that is long ago", () => {
  const memory = bootEngine({ lru: "classic", bytes: false, nodes: [{ pages: 2000 }, { pages: 2000, tier: 1 }] });
  memory.vm.inspect();
  const round = Math.floor(frames() / FAULTS_PER_TICK) + 1;
  const tick = (from: number): void => {
    setHdr(H_LRU_CLOCK, (from + 1) | 0);
    ageGone();
    // What is out is what is remembered, whatever was overwritten, came back or was given up.
    if ((from & 15) === 0) expect(sum(H_GONE_OUT)).toBe(remembered());
  };
  expect(rateOf(0)).toBe(0);
  // Where the time laps, too.
  setHdr(H_LRU_CLOCK, 0x7fffffff - 200);
  const back: number[][] = Array.from({ length: 500 }, () => []);
  for (let i = 0; i < 400; i++) {
    for (let k = 0; k < 30; k++) {
      const kind = k % 3;
      const vpn = i * 30 + k;
      noteGone(vpn, kind);
      if (kind < 2) back[i + (kind === 0 ? 5 : 40)]?.push(vpn);
    }
    for (const vpn of back[i] ?? []) noteBack(vpn);
    tick(hdr(H_LRU_CLOCK));
  }
  expect(rateOf(0)).toBeGreaterThan(2 * rateOf(1));
  expect(rateOf(1)).toBeGreaterThan(2 * rateOf(2));
  // Of another nothing is known.
  expect(rateOf(3)).toBeLessThan(rateOf(0));
  expect(rateOf(3)).toBeGreaterThan(rateOf(2));
  // They change parts.
  for (let i = 0; i < 8 * round; i++) {
    for (let k = 0; k < 30; k++) noteGone(100_000 + i * 30 + k, k % 3);
    for (let k = 2; k < 30; k += 3) noteBack(100_000 + (i - 5) * 30 + k);
    tick(hdr(H_LRU_CLOCK));
  }
  expect(rateOf(2)).toBeGreaterThan(2 * rateOf(0));
  expect(sum(H_GONE_TIME)).toBeLessThan(NR_GONE * 2 * round);
  forgetGone();
  expect(remembered() + sum(H_GONE_OUT)).toBe(0);
  expect(hdr(H_GONE_BACK + 8)).toBeGreaterThan(0);
});
