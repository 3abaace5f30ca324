import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/**
 * Writes index.mjs, which gives `import` the named exports of the CommonJS index.js, so that both ways of loading share
 * one implementation and one state, and index.d.mts with its types. Loads index.js to learn the names.
 * @param {string} folder Where index.js lies and the two files go.
 */
export function writeEsmEntry(folder) {
  const names = Object.keys(createRequire(import.meta.url)(join(folder, "index.js")))
    .filter((name) => name !== "default" && name !== "__esModule")
    .sort();
  const list = names.map((name) => `  ${name},\n`).join("");
  writeFileSync(join(folder, "index.mjs"), `import lmspt from "./index.js";\n\nexport const {\n${list}} = lmspt;\n`);
  writeFileSync(join(folder, "index.d.mts"), 'export * from "./index.js";\n');
}
