#!/usr/bin/env node

const { existsSync } = require("node:fs");
const { join } = require("node:path");

const root = join(__dirname, "..");
const program = join(root, "dist", "lib", "cli", "main.js");

function addonIsMissing() {
  try {
    require("node-gyp-build").path(root);
    return false;
  } catch {
    return true;
  }
}

/** A clone has its own set-up; an installed package is repaired by npm. */
const remedy = existsSync(join(root, "scripts", "setup.mjs"))
  ? `run "npm run setup" in ${root}`
  : 'run "npm rebuild lmspt" in your project';

async function main() {
  if (!existsSync(program)) {
    console.error(`lmspt is not built yet: ${remedy}`);
    return 1;
  }
  const status = await require(program).main(process.argv.slice(2));
  if (status !== 0 && addonIsMissing()) {
    console.error(`lmspt has no native addon for ${process.platform}-${process.arch}: ${remedy}`);
  }
  return status;
}

main().then((status) => {
  process.exitCode = status;
});
