import { spawnSync } from "node:child_process";

/**
 * @param {string} command Program that understands --version.
 * @returns {string | undefined} All that it says, or undefined when it cannot be run.
 */
function version(command) {
  const result = spawnSync(command, ["--version"], { encoding: "utf8" });
  return result.status === 0 ? result.stdout.trim() : undefined;
}

/**
 * @param {string} text Output of --version.
 * @returns {string} The first version number in it.
 */
const number = (text) => text.match(/\d+(\.\d+)+/)?.[0] ?? "";

const minimumNode = "20.17";
const minimumCMake = "3.22";

/**
 * @param {string} found Version such as "20.20.2".
 * @param {string} minimum Version such as "20.17".
 * @returns {boolean} Whether it is new enough.
 */
const atLeast = (found, minimum) => found.localeCompare(minimum, "en", { numeric: true }) >= 0;

const remedy = {
  linux: "sudo apt-get install cmake ninja-build g++ (or your distribution's packages of these names)",
  darwin: "xcode-select --install && brew install cmake ninja",
}[/** @type {"linux" | "darwin"} */ (process.platform)];
const install = remedy ?? "install CMake, Ninja and GCC or Clang";

/**
 * @typedef {object} Tools
 * @property {string} summary One line for people.
 * @property {string} compiler Full version text of the C++ compiler.
 * @property {string} nvcc The same of nvcc, "" without one.
 * @property {string} generator Name of the CMake generator.
 */

/**
 * Looks for everything that the build needs.
 * @returns {Tools} What was found.
 * @throws {Error} Naming what is missing and how to get it.
 */
export function findTools() {
  if (!atLeast(process.versions.node, minimumNode)) {
    throw new Error(`Node.js ${minimumNode} or newer is needed, this is ${process.versions.node}: https://nodejs.org`);
  }
  const cmake = version("cmake");
  if (!cmake || !atLeast(number(cmake), minimumCMake)) {
    const found = cmake ? `this is ${number(cmake)}` : "it was not found";
    throw new Error(`CMake ${minimumCMake} or newer is needed, ${found}: ${install}`);
  }
  const ninja = version("ninja");
  if (!ninja && !version("make")) throw new Error(`Neither ninja nor make was found: ${install}`);
  const compilers = process.env.CXX ? [process.env.CXX] : ["c++", "g++", "clang++"];
  const compiler = compilers.map((name) => version(name)).find(Boolean);
  if (!compiler) throw new Error(`No C++ compiler was found (tried ${compilers.join(", ")}): ${install}`);

  const summary = [
    `Node.js ${process.versions.node}`,
    `CMake ${number(cmake)}`,
    ninja ? `Ninja ${number(ninja)}` : "make",
    compiler.split("\n")[0],
  ].join(", ");
  const nvcc = version(process.env.CUDACXX ?? "nvcc") ?? "";
  return { summary, compiler, nvcc, generator: ninja ? "Ninja" : "Unix Makefiles" };
}
