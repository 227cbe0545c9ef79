/**
 * Builds the dashboard's page with Vite: one HTML file that needs no other, so that a server, a report and a bundler have but one
 * thing to carry.
 */
import { build } from "vite";

/** The page's HTML, and the names of the packages that are in it. */
export async function buildDashboard() {
  const { output } = await build({
    configFile: false,
    root: "dashboard",
    base: "./",
    logLevel: "warn",
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: { write: false, cssCodeSplit: false, modulePreload: false, reportCompressedSize: false, target: "es2022" },
  });
  const text = (file) => (file.type === "chunk" ? file.code : String(file.source));
  const scripts = output.filter((file) => file.type === "chunk");
  const styles = output.filter((file) => file.fileName.endsWith(".css"));
  const page = output.find((file) => file.fileName === "index.html");
  if (scripts.length !== 1 || styles.length !== 1 || output.length !== 3) {
    throw new Error(`the dashboard is not one script and one style: ${output.map((file) => file.fileName).join(", ")}`);
  }
  const script = text(scripts[0]).replaceAll("</script", "<\\/script").trim();
  const html = text(page)
    .replace(/<script type="module"[^>]*><\/script>/, "")
    .replace(/<link rel="stylesheet"[^>]*>/, () => `<style>${text(styles[0]).trim()}</style>`)
    .replace(/\n\s*\n/g, "\n")
    .replace("</body>", () => `<script type="module">${script}</script>\n  </body>`);
  if (/(src|href)="\.?\/?assets/.test(html)) throw new Error("the dashboard names a file beside it");
  const packages = scripts[0].moduleIds.flatMap(
    (id) => /node_modules[\\/]((?:@[^\\/]+[\\/])?[^\\/]+)/.exec(id)?.[1] ?? [],
  );
  return { html, packages: [...new Set(packages)].sort() };
}
