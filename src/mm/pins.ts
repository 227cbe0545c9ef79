/**
 * Whose pins are: of a memory that several threads share, each frame has a word that says who holds it, and how often, so that the pins of a
 * thread that has died can be told from those of the living, and let go. A folio's references count them besides (folio.ts), which is
 * all that reclaim and migration look at.
 *
 *   0                    nobody
 *   count << 8 | owner   one thread, by its number
 *   negative             several: -1 - the number of the first of a list of records, each with a word like the one above
 *
 * The word is changed by one store, and a record is whole before anything names it: whoever dies leaves either the one or the other (rebuild.ts).
 */
import { BUG_REFS, ENOMEM } from "./errno.ts";
import { folioGet, folioHead } from "./folio.ts";
import { unpinFrame } from "./gup.ts";
import {
  frames,
  H_NR_PINS,
  H_PIN_FREE,
  H_PIN_FRESH,
  hdr,
  PN_HOLD,
  PN_NEXT,
  pinRecord,
  pinWord,
  pte,
  setHdr,
  setPinRecord,
  setPinWord,
} from "./layout.ts";
import { hostBug } from "./machine.ts";
import { pteIndex } from "./page-table.ts";

const OWNER: i32 = 0xff;
const ONE: i32 = 0x100;
/** The largest word of one thread's. */
const MOST: i32 = 0x7fffff00;
/** Of a record: it is in use. Set while free ones are looked for. */
const SEEN: i32 = 1 << 31;

/** Hold page `vpn`, which must be present, for thread `who` (1 to 255). Returns its frame, or -ENOMEM if too many threads hold pages that others hold, too. */
export function pinPageFor(vpn: i32, who: i32): i32 {
  const frame = pteIndex(pte(vpn));
  if (!hold(frame, who)) return ENOMEM;
  folioGet(folioHead(frame));
  return frame;
}
/** Let go of what {@link pinPageFor} gave. */
export function unpinFrameFor(frame: i32, who: i32): void {
  if (!letGo(frame, who)) hostBug(BUG_REFS, frame, who);
  unpinFrame(frame);
}
/** Let go of all that thread `who` holds, which is no more. Returns how many pins that were. */
export function unpinAllFor(who: i32): i32 {
  let nr: i32 = 0;
  for (let f: i32 = 0; hdr(H_NR_PINS) > 0 && f < frames(); f++) {
    while (pinWord(f) !== 0 && letGo(f, who)) {
      unpinFrame(f);
      nr++;
    }
  }
  return nr;
}
/** Pins of frame `f`, whoever's. */
export function pinsOf(f: i32): i32 {
  if (hdr(H_NR_PINS) === 0) return 0;
  const word = pinWord(f);
  if (word >= 0) return word >>> 8;
  let nr: i32 = 0;
  for (let i: i32 = -1 - word; i >= 0; i = pinRecord(i, PN_NEXT) - 1) nr += pinRecord(i, PN_HOLD) >>> 8;
  return nr;
}

function hold(f: i32, who: i32): boolean {
  const word = pinWord(f);
  if (word === 0) setPinWord(f, ONE | who);
  else if (word > 0) {
    if ((word & OWNER) !== who) return holdBeside(f, word, who);
    if (word >= MOST) return false;
    setPinWord(f, word + ONE);
  } else {
    for (let i: i32 = -1 - word; i >= 0; i = pinRecord(i, PN_NEXT) - 1) {
      const mine = pinRecord(i, PN_HOLD);
      if ((mine & OWNER) !== who) continue;
      if (mine >= MOST) return false;
      setPinRecord(i, PN_HOLD, mine + ONE);
      return true;
    }
    const added = newRecord(ONE | who, -word);
    if (added < 0) return false;
    setPinWord(f, -1 - added);
  }
  return true;
}
/** Another thread holds it. */
function holdBeside(f: i32, word: i32, who: i32): boolean {
  const theirs = newRecord(word, 0);
  if (theirs < 0) return false;
  const mine = newRecord(ONE | who, theirs + 1);
  if (mine < 0) {
    freeRecord(theirs);
    return false;
  }
  setPinWord(f, -1 - mine);
  return true;
}
function letGo(f: i32, who: i32): boolean {
  const word = pinWord(f);
  if (word >= 0) {
    if (word === 0 || (word & OWNER) !== who) return false;
    setPinWord(f, word >= 2 * ONE ? word - ONE : 0);
    return true;
  }
  let before: i32 = -1;
  for (let i: i32 = -1 - word; i >= 0; i = pinRecord(i, PN_NEXT) - 1) {
    const mine = pinRecord(i, PN_HOLD);
    if ((mine & OWNER) === who) {
      if (mine >= 2 * ONE) setPinRecord(i, PN_HOLD, mine - ONE);
      else {
        const next = pinRecord(i, PN_NEXT);
        if (before >= 0) setPinRecord(before, PN_NEXT, next);
        else setPinWord(f, next === 0 ? 0 : -next);
        freeRecord(i);
      }
      return true;
    }
    before = i;
  }
  return false;
}

function newRecord(word: i32, next: i32): i32 {
  let i: i32 = hdr(H_PIN_FREE) - 1;
  if (i >= 0) setHdr(H_PIN_FREE, pinRecord(i, PN_NEXT));
  else {
    i = hdr(H_PIN_FRESH);
    if (i >= hdr(H_NR_PINS)) return -1;
    setHdr(H_PIN_FRESH, i + 1);
  }
  setPinRecord(i, PN_HOLD, word);
  setPinRecord(i, PN_NEXT, next);
  return i;
}
function freeRecord(i: i32): void {
  setPinRecord(i, PN_HOLD, 0);
  setPinRecord(i, PN_NEXT, hdr(H_PIN_FREE));
  setHdr(H_PIN_FREE, i + 1);
}

/** Find the free records again: those that no frame's word leads to. */
export function rebuildPins(): void {
  const nr = hdr(H_NR_PINS);
  if (nr === 0) return;
  for (let f: i32 = 0; f < frames(); f++) {
    if (pinWord(f) >= 0) continue;
    for (let i: i32 = -1 - pinWord(f); i >= 0; i = pinRecord(i, PN_NEXT) - 1)
      setPinRecord(i, PN_HOLD, pinRecord(i, PN_HOLD) | SEEN);
  }
  setHdr(H_PIN_FREE, 0);
  setHdr(H_PIN_FRESH, nr);
  for (let i: i32 = nr - 1; i >= 0; i--) {
    const word = pinRecord(i, PN_HOLD);
    if ((word & SEEN) !== 0) setPinRecord(i, PN_HOLD, word & ~SEEN);
    else freeRecord(i);
  }
}
