// Brings the islands to life where the browser can; else leaves the plain page working, and only
// loads it anew now and then if it follows an order. Kept to what Chromium 69 parses.

const RELOAD_MS = 8000;

// The smallest module with a table of external references: who takes it takes all our bundle needs.
const PROBE = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 4, 4, 1, 111, 0, 1]);

// The bundle is the one of this very script's version.
const { search } = new URL(import.meta.url);

function capable() {
  try {
    return typeof WebAssembly === "object" && WebAssembly.validate(PROBE);
  } catch (_) {
    return false;
  }
}

async function enliven() {
  const islands = document.querySelectorAll("[data-island]");
  if (islands.length === 0) return;
  const bundle = await import(`/pkg/app.js${search}`);
  await bundle.default({ module_or_path: `/pkg/app_bg.wasm${search}` });
  for (const island of islands) {
    bundle[island.dataset.island](island);
    island.classList.add("alive");
  }
}

// A page without islands' help is loaded anew, but never under the rider's fingers.
function reloadLater() {
  if (!("follows" in document.body.dataset)) return;
  setInterval(() => {
    if (!document.hidden && !document.querySelector("details[open]")) location.reload();
  }, RELOAD_MS);
}

if (capable()) {
  enliven().catch(reloadLater);
} else {
  reloadLater();
}
