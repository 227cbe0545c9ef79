/** What is better read than plotted: groups, caches, swap devices, and every counter. */
import type { Header, Snapshot } from "../../src/server/wire.ts";
import { bytes, exact } from "./format.ts";
import type { Theme } from "./theme.ts";

interface Props {
  readonly header: Header;
  readonly frame: Snapshot;
  readonly theme: Theme;
}

function Bar({ of, share, marks = [] }: { of: string; share: number; marks?: readonly number[] }) {
  return (
    <span class="bar" style={{ "--colour": of }}>
      <i style={{ width: `${Math.min(1, share) * 100}%` }} />
      {marks.map((mark) => (
        <u key={mark} style={{ left: `${Math.min(1, mark) * 100}%` }} />
      ))}
    </span>
  );
}

export function Holders({ header, frame, theme }: Props) {
  const { groups, caches, swap } = frame;
  if (groups.length + caches.length + swap.length === 0) return null;
  const resident = frame.nodes.reduce((sum, { size }) => sum + size, 0);
  return (
    <section class="panel" aria-labelledby="holders-title">
      <header>
        <h2 id="holders-title">Groups, caches, swap</h2>
      </header>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <div class="scroll" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">name</th>
              <th scope="col">used</th>
              <th scope="col">of</th>
              <th scope="col" class="figure">
                full
              </th>
            </tr>
          </thead>
          <tbody>
            {groups.map(({ name, usage, swap: swapped, low, high, max }) => {
              const most = max ?? high ?? resident;
              const marks = [low, high ?? 0].filter((mark) => mark > 0).map((mark) => mark / most);
              return (
                <tr key={`g${name}`}>
                  <th scope="row">group {name}</th>
                  <td>
                    {bytes(usage)}
                    {swapped > 0 ? ` + ${bytes(swapped)} in swap` : ""}
                  </td>
                  <td>{limits(low, high, max)}</td>
                  <td>
                    <Bar of={theme.node(0)} share={usage / most} marks={marks} />
                  </td>
                </tr>
              );
            })}
            {caches.map(({ name, entries, size, maxSize }) => (
              <tr key={`c${name}`}>
                <th scope="row">cache {name}</th>
                <td>
                  {bytes(size)}, {exact(entries)} entries
                </td>
                <td>{bytes(maxSize)}</td>
                <td>
                  <Bar of={theme.node(1)} share={size / maxSize} />
                </td>
              </tr>
            ))}
            {swap.map(({ size, used, stored, failed }, i) => {
              const { name, kind } = header.swap[i] as Header["swap"][number];
              return (
                <tr key={`s${name}`}>
                  <th scope="row">
                    {kind} {name}
                  </th>
                  <td>
                    {bytes(used)}
                    {stored === used ? "" : ` for ${bytes(stored)} of pages`}
                    {failed ? <strong class="failed"> failed</strong> : ""}
                  </td>
                  <td>{bytes(size)}</td>
                  <td>
                    <Bar of={theme.device(i)} share={size === 0 ? 0 : used / size} />
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function limits(low: number, high: number | null, max: number | null): string {
  const parts = [low > 0 ? `low ${bytes(low)}` : "", high === null ? "" : `high ${bytes(high)}`];
  return [...parts, max === null ? "" : `max ${bytes(max)}`].filter((part) => part !== "").join(", ") || "no limit";
}

export function Counters({ header, frame }: Omit<Props, "theme">) {
  return (
    <details class="panel wide counters">
      <summary>
        <h2>Every counter</h2> <small>as vmstat() has it at the cursor</small>
      </summary>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard */}
      <div class="scroll" tabIndex={0}>
        <table>
          <thead>
            <tr>
              <th scope="col">counter</th>
              <th scope="col" class="figure">
                memory
              </th>
              {header.nodes.map(({ name }) => (
                <th scope="col" class="figure" key={name}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {header.counters.map((counter, i) => (
              <tr key={counter}>
                <th scope="row">{counter}</th>
                <td class="figure" data-counter={counter}>
                  {exact(frame.vmstat[i] as number)}
                </td>
                {header.nodes.map(({ name }, nid) => (
                  <td class="figure" key={name} data-node={name} data-node-counter={counter}>
                    {exact(frame.nodes[nid]?.vmstat[i] ?? 0)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
