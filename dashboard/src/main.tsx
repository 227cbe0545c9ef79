/** Shows the run that is in the page, if it is a report, or else follows the server that it came from. */
import { render } from "preact";
import "uplot/dist/uPlot.min.css";
import "./style.css";
import { App } from "./app.tsx";
import { follow } from "./feed.ts";
import { type Run, Store } from "./store.ts";

const recorded = document.getElementById("lieu-run")?.textContent;
const store = new Store(recorded === undefined || recorded === null ? undefined : (JSON.parse(recorded) as Run));
render(<App store={store} />, document.getElementById("app") as HTMLElement);
if (store.state.run === undefined) void follow(store);
