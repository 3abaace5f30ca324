import { realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder that holds package.json. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * @param {...string} parts Path below the root.
 * @returns {string} The absolute path.
 */
export const fromRoot = (...parts) => join(root, ...parts);

/**
 * @param {ImportMeta} meta A module's own import.meta.
 * @returns {boolean} Whether node was started with this module, and did not import it from another.
 */
export const isProgram = (meta) => realpathSync(process.argv[1] ?? "") === fileURLToPath(meta.url);
