import { expect, test } from "vitest";
import { attachNode, describeNode, type NodeDescriptor } from "./attach.ts";
import { dramNode } from "./dram.ts";
import { modelNode } from "./model.ts";

const MAPPED: NodeDescriptor["backing"] = {
  kind: "mapped-file",
  hasBytes: true,
  adistance: 2880,
  latency: 500,
  path: "/mnt/pmem/lieu.node",
  keep: false,
};

test.each([dramNode(), modelNode(300), MAPPED])(
  "a $kind node's descriptor goes by message, and gives the node",
  (backing) => {
    expect(attachNode(structuredClone(describeNode(backing)))).toEqual(backing);
  },
);

test("what is mapped or bound is this process's alone", () => {
  const other = { ...describeNode(MAPPED), pid: process.pid + 1 };
  expect(() => attachNode(other)).toThrow(expect.objectContaining({ code: "ENOTSUP" }));
  expect(attachNode({ ...describeNode(dramNode()), pid: process.pid + 1 })).toEqual(dramNode());
});
