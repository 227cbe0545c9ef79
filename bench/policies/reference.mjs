/**
 * What simple simulators of LRU and S3-FIFO miss on a trace: object bytes count, metadata does not, a miss stores the
 * object unless it is larger than the cache.
 */

const NONE = -1;

/** Doubly linked lists over the keys of a trace. */
class Lists {
  constructor(keys, lists) {
    this.next = new Int32Array(keys + lists).fill(NONE);
    this.prev = new Int32Array(keys + lists).fill(NONE);
    this.keys = keys;
    for (let i = 0; i < lists; i++) this.next[keys + i] = this.prev[keys + i] = keys + i;
  }
  push(list, k) {
    const head = this.keys + list;
    const first = this.next[head];
    this.next[head] = k;
    this.prev[k] = head;
    this.next[k] = first;
    this.prev[first] = k;
  }
  remove(k) {
    this.next[this.prev[k]] = this.next[k];
    this.prev[this.next[k]] = this.prev[k];
  }
  oldest(list) {
    const k = this.prev[this.keys + list];
    return k >= this.keys ? NONE : k;
  }
}

export function lruMissRatio({ key, size, keys }, capacity) {
  const lists = new Lists(keys, 1);
  const held = new Uint8Array(keys);
  let used = 0;
  let misses = 0;
  for (const k of key) {
    if (held[k]) {
      lists.remove(k);
      lists.push(0, k);
      continue;
    }
    misses++;
    if (size[k] > capacity) continue;
    used += size[k];
    while (used > capacity) {
      const old = lists.oldest(0);
      lists.remove(old);
      held[old] = 0;
      used -= size[old];
    }
    lists.push(0, k);
    held[k] = 1;
  }
  return misses / key.length;
}

/** J. Yang et al., FIFO queues are all you need for cache eviction, SOSP 2023: small 10 %, promotion at 2 hits. */
export function s3FifoMissRatio({ key, size, keys }, capacity) {
  const [SMALL, MAIN, GHOST] = [0, 1, 2];
  const small = capacity * 0.1;
  const lists = new Lists(keys, 3);
  const where = new Int8Array(keys).fill(NONE);
  const hits = new Uint8Array(keys);
  const used = [0, 0, 0];
  const put = (list, k) => {
    lists.push(list, k);
    where[k] = list;
    used[list] += size[k];
  };
  const take = (k) => {
    lists.remove(k);
    used[where[k]] -= size[k];
    where[k] = NONE;
  };
  const evict = () => {
    const k = used[SMALL] > small || used[MAIN] === 0 ? lists.oldest(SMALL) : lists.oldest(MAIN);
    const from = where[k];
    take(k);
    if (from === MAIN) {
      if (hits[k] === 0) return;
      hits[k]--;
      put(MAIN, k);
    } else if (hits[k] >= 2) {
      hits[k] = 0;
      put(MAIN, k);
    } else {
      put(GHOST, k);
      while (used[GHOST] > capacity * 0.9) take(lists.oldest(GHOST));
    }
  };
  let misses = 0;
  for (const k of key) {
    if (where[k] === SMALL || where[k] === MAIN) {
      if (hits[k] < 3) hits[k]++;
      continue;
    }
    misses++;
    const ghost = where[k] === GHOST;
    if (ghost) take(k);
    if (size[k] > (ghost ? capacity : small)) continue;
    hits[k] = 0;
    while (used[SMALL] + used[MAIN] + size[k] > capacity) evict();
    put(ghost ? MAIN : SMALL, k);
  }
  return misses / key.length;
}
