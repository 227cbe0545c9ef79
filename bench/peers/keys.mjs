/**
 * Keys, values and orders of access. Keys and string values are made from numbers when they are needed, as a service
 * makes them from a request, so that the harness holds none that a collector would have to visit. All of them are flat
 * strings: a rope would cost whoever stores it more than its characters.
 */

/** The length of every key. */
export const KEY_LENGTH = 20;
const SEED = 20200629;

/** A key of 20 characters for a number below 1e9; a new string each time. */
export function makeKey(i) {
  const high = (i / 100000) | 0;
  const low = i % 100000;
  const a = 48 + (((high / 1000) | 0) % 10);
  const b = 48 + (((high / 100) | 0) % 10);
  const c = 48 + (((high / 10) | 0) % 10);
  const d = 48 + (high % 10);
  const e = 48 + ((low / 10000) | 0);
  const f = 48 + (((low / 1000) | 0) % 10);
  const g = 48 + (((low / 100) | 0) % 10);
  const h = 48 + (((low / 10) | 0) % 10);
  const j = 48 + (low % 10);
  return String.fromCharCode(115, 101, 115, 115, 105, 111, 110, 58, 48, 48, 48, a, b, c, d, e, f, g, h, j);
}

/** The first `count` keys as strings that are made once. */
export function keyStrings(count) {
  const keys = new Array(count);
  for (let i = 0; i < count; i++) keys[i] = makeKey(i);
  return keys;
}

/**
 * What makes the value for a number, marked with it. Buffers: the same one each time, so whoever keeps a value must
 * copy it, as lieu does anyway; strings: a new one.
 */
export function valueMaker(bytes, strings) {
  const buffer = Buffer.alloc(bytes, "v");
  if (strings) {
    return (i) => {
      for (let at = 8, left = i; at >= 0; at--) {
        buffer[at] = 48 + (left % 10);
        left = (left / 10) | 0;
      }
      return buffer.latin1Slice(0, bytes);
    };
  }
  const mark = new Int32Array(buffer.buffer, buffer.byteOffset, 1);
  return (i) => {
    mark[0] = i;
    return buffer;
  };
}

/** The number that a value was made for. */
export function numberOf(value) {
  return typeof value === "string" ? Number(value.slice(0, 9)) : value.readInt32LE(0);
}

/** Numbers from 0 to 1, the same ones each time (mulberry32). */
function randoms(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `count` numbers below `n`, each as likely as any other. */
export function uniform(n, count, seed = SEED) {
  const random = randoms(seed);
  return Uint32Array.from({ length: count }, () => random() * n);
}

/** All numbers below `n`, shuffled. */
export function shuffled(n, seed = SEED) {
  const random = randoms(seed);
  const list = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
}

/**
 * `count` numbers below `n` by Zipf's law with exponent `theta`, drawn as YCSB does (Gray et al., "Quickly generating
 * billion-record synthetic databases"). Which numbers are popular is scattered, so that hot keys are no neighbours.
 */
export function zipf(n, count, theta = 0.99, seed = SEED) {
  const random = randoms(seed);
  const zeta = zetaOf(n, theta);
  const alpha = 1 / (1 - theta);
  const eta = (1 - (2 / n) ** (1 - theta)) / (1 - (1 + 0.5 ** theta) / zeta);
  const stride = coprimeNear(n * 0.6180339887, n);
  return Uint32Array.from({ length: count }, () => {
    const u = random();
    let rank = 0;
    if (u * zeta >= 1) rank = u * zeta < 1 + 0.5 ** theta ? 1 : Math.floor(n * (eta * u - eta + 1) ** alpha);
    return (Math.min(rank, n - 1) * stride) % n;
  });
}

/** The sum of i^-theta for i from 1 to n: term by term as far as it matters, the rest as an integral (Euler-Maclaurin). */
function zetaOf(n, theta) {
  const m = Math.min(n, 100_000);
  let sum = 0;
  for (let i = 1; i <= m; i++) sum += i ** -theta;
  return sum + (n ** (1 - theta) - m ** (1 - theta)) / (1 - theta) + (n ** -theta - m ** -theta) / 2;
}

function coprimeNear(start, n) {
  let x = Math.max(1, Math.floor(start));
  while (gcd(x, n) !== 1) x++;
  return x;
}

function gcd(a, b) {
  return b === 0 ? a : gcd(b, a % b);
}
