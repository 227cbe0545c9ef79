/**
 * Memory policies (set_mempolicy(2)): where the pages of a region or cache are put. Only `bind` forbids nodes; it holds
 * on allocation, fault, promotion, demotion and swap-in alike.
 */

/** A memory policy, made by one of the functions below. */
export type Policy =
  | { readonly mode: "default" }
  | { readonly mode: "bind"; readonly nodes: readonly string[] }
  | { readonly mode: "preferred"; readonly node: string }
  | { readonly mode: "interleave"; readonly nodes: readonly string[] }
  | { readonly mode: "weightedInterleave"; readonly weights: Readonly<Record<string, number>> };

/** Start at the fastest tier; any node will do (MPOL_DEFAULT). */
export function defaultPolicy(): Policy {
  return { mode: "default" };
}
/** These nodes and no others, ever (MPOL_BIND). */
export function bind(...nodes: string[]): Policy {
  return { mode: "bind", nodes };
}
/** This node first, then any other (MPOL_PREFERRED). */
export function preferred(node: string): Policy {
  return { mode: "preferred", node };
}
/** Page by page over these nodes in turn; any other if one is full (MPOL_INTERLEAVE). */
export function interleave(...nodes: string[]): Policy {
  return { mode: "interleave", nodes };
}
/** As interleave, each node taking as many pages in a row as its weight, 1 to 255 (MPOL_WEIGHTED_INTERLEAVE). */
export function weightedInterleave(weights: Readonly<Record<string, number>>): Policy {
  return { mode: "weightedInterleave", weights };
}
