export async function replayBench() {
  return {};
}
