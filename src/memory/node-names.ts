/** Nodes by name: masks and policies as the engine takes them, from what the user wrote. */
import { LieuError, shown } from "../errors.ts";
import type { Policy } from "../region/policy.ts";
import type { ResolvedPolicy } from "../runtime/mapping.ts";

/** The names of a memory's nodes, in order of node number. */
export class NodeNames {
  readonly names: readonly string[];

  constructor(names: readonly string[]) {
    this.names = names;
  }

  /** All nodes, a bit each. */
  get all(): number {
    return (1 << this.names.length) - 1;
  }

  /** The number of a node. @throws {@link LieuError} EINVAL naming `what`, the name and those that there are */
  nid(name: string, what: string): number {
    const nid = this.names.indexOf(name);
    if (nid >= 0) return nid;
    throw new LieuError("EINVAL", `${what} names the node ${shown(name)}; there are: ${this.names.join(", ")}`);
  }

  /** A mask of nodes, at least one. */
  maskOf(names: readonly string[], what: string): number {
    if (!Array.isArray(names)) {
      throw new LieuError("EINVAL", `${what} is ${shown(names)}; give a list of nodes: ${this.names.join(", ")}`);
    }
    if (names.length === 0) throw new LieuError("EINVAL", `${what} names no node; name at least one`);
    return names.reduce((mask, name) => mask | (1 << this.nid(name, what)), 0);
  }

  /** A policy with names resolved. `mems` are the nodes that the owner's group may use. */
  resolve(policy: Policy, mems: number): ResolvedPolicy {
    const weights = new Map<number, number>();
    switch (policy?.mode) {
      case "default":
        return { mode: "default", mask: 0, weights };
      case "preferred":
        return { mode: "preferred", mask: 1 << this.nid(policy.node, "policy"), weights };
      case "bind": {
        const mask = this.maskOf(policy.nodes, "policy");
        if ((mask & mems) !== 0) return { mode: "bind", mask, weights };
        const names = policy.nodes.join(", ");
        throw new LieuError("EINVAL", `bind(${names}) leaves no node: the group's mems allow none of them`);
      }
      case "interleave":
        return { mode: "interleave", mask: this.maskOf(policy.nodes, "policy"), weights };
      case "weightedInterleave":
        for (const [name, weight] of Object.entries(policy.weights ?? {})) {
          if (!Number.isInteger(weight) || weight < 1 || weight > 255) {
            throw new LieuError(
              "EINVAL",
              `the weight of ${name} is ${shown(weight)}; weights are whole numbers from 1 to 255`,
            );
          }
          weights.set(this.nid(name, "policy"), weight);
        }
        return {
          mode: policy.mode,
          mask: this.maskOf(
            [...weights.keys()].map((nid) => this.names[nid] as string),
            "policy",
          ),
          weights,
        };
      default:
        throw new LieuError("EINVAL", `policy is ${shown(policy)}; make one with bind(), preferred(), interleave() …`);
    }
  }
}
