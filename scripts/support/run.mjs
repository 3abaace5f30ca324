import { spawn } from "node:child_process";
import { root } from "./paths.mjs";

/** A command that ended with a status other than 0, took too long, or could not be started. */
export class CommandError extends Error {
  /**
   * @param {string} message What happened to which command.
   * @param {string} output The last lines that it printed.
   */
  constructor(message, output) {
    super(message);
    this.name = "CommandError";
    this.output = output;
  }
}

/**
 * @typedef {object} RunOptions
 * @property {boolean} [show] Pass the output through to the terminal as well.
 * @property {NodeJS.ProcessEnv} [env] Variables added to the environment.
 * @property {number} [limitSeconds] The command is ended after this time; no limit by default.
 */

/**
 * Runs a command in the repository root and waits for it.
 * @param {string} command Program name or path.
 * @param {string[]} args Its arguments.
 * @param {RunOptions} [options] How to run it.
 * @returns {Promise<string>} Everything it printed, both streams together.
 * @throws {CommandError} When it fails; `output` holds its last lines.
 */
export function run(command, args, { show = false, env = {}, limitSeconds } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      shell: process.platform === "win32" && command === "npm",
      timeout: limitSeconds && limitSeconds * 1000,
    });
    let output = "";
    for (const [stream, terminal] of /** @type {const} */ ([
      [child.stdout, process.stdout],
      [child.stderr, process.stderr],
    ])) {
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
        if (show) terminal.write(text);
      });
    }
    const start = performance.now();
    child.on("error", (cause) => reject(new CommandError(`${command} could not be started: ${cause.message}`, "")));
    child.on("close", (code, signal) => {
      if (code === 0) return resolve(output);
      const seconds = Math.round((performance.now() - start) / 1000);
      const end = signal ? `was ended by ${signal} after ${seconds} s` : `failed with status ${code}`;
      reject(new CommandError(`${[command, ...args].join(" ")} ${end}`, lastLines(output, 60)));
    });
  });
}

/**
 * @param {string} text Any text.
 * @param {number} count How many lines to keep.
 * @returns {string} Its last lines.
 */
function lastLines(text, count) {
  return text.trimEnd().split("\n").slice(-count).join("\n");
}
