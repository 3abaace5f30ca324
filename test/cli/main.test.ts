import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../package/root.js";
import { launcher, run, runChild, speech, TINY, temporaryFolder } from "./support.js";

describe("lmspt", () => {
  const at = temporaryFolder();

  it("prints help with the commands, examples and exit statuses", async () => {
    const { status, stdout, stderr } = await run("--help");
    assert.equal(status, 0);
    assert.equal(stderr, "");
    for (const expected of ["encode", "decode", "info", "doctor", "Examples:", "Exit status:", "130 "]) {
      assert.ok(stdout.includes(expected), expected);
    }
  });

  for (const command of ["encode", "decode", "info", "doctor"]) {
    it(`prints help on ${command}`, async () => {
      const { status, stdout } = await run(command, "--help");
      assert.equal(status, 0);
      assert.match(stdout, new RegExp(`^Usage: lmspt ${command} `));
    });
  }

  it("prints the version of package.json", async () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    assert.deepEqual(await run("--version"), { status: 0, stdout: `${version}\n`, stderr: "" });
  });

  const wrong: readonly [what: string, message: RegExp, args: readonly string[]][] = [
    ["no command", /Usage: lmspt/, []],
    ["an unknown command", /unknown command 'sing'/, ["sing"]],
    ["an unknown option", /unknown option '--loud'/, ["encode", "x.wav", "-o", "y", "--loud"]],
    ["no input", /missing required argument 'in'/, ["encode", "-o", "y"]],
    ["no output", /required option '-o, --output <out>' not specified/, ["encode", "x.wav"]],
    ["no threads", /'0' is invalid.* Expected a whole number, 1 to 1024/, ["encode", "x", "-o", "y", "--threads", "0"]],
    ["half a thread", /Expected a whole number/, ["encode", "x", "-o", "y", "--threads", "1.5"]],
    ["a device", /Expected auto, cpu, cuda or cuda:N/, ["decode", "x", "-o", "y", "--device", "tpu"]],
    ["a precision", /Allowed choices are fp32, bf16x3, tf32, bf16/, ["encode", "x", "-o", "y", "--precision", "fp64"]],
    ["a format", /Allowed choices are lmspt, json, npy/, ["encode", "x", "-o", "y", "--format", "txt"]],
    ["an encoding", /Allowed choices are pcm16, pcm24, float32/, ["decode", "x", "-o", "y", "--encoding", "mp3"]],
    ["a mode", /Allowed choices are full, semantic, acoustic, aux/, ["decode", "x", "-o", "y", "--mode", "all"]],
    ["no codebooks", /Expected a whole number/, ["decode", "x", "-o", "y", "--codebooks", "0"]],
    ["mode and codebooks", /cannot be used with/, ["decode", "x", "-o", "y", "--mode", "aux", "--codebooks", "1"]],
    ["a model name", /"random:SEED".* received "random:x"/, ["encode", speech, "-o", "out", "--model", "random:x"]],
  ];
  for (const [what, message, args] of wrong) {
    it(`refuses ${what} as a usage error`, async () => {
      const { status, stdout, stderr } = await run(...args);
      assert.equal(status, 2, stderr);
      assert.equal(stdout, "");
      assert.match(stderr, message);
    });
  }

  it("ends with 3 when the model cannot be used", async () => {
    const { status, stderr } = await run("encode", speech, "-o", at("out/"), "--model", at("nothing"));
    assert.equal(status, 3);
    assert.match(stderr, /^lmspt: No model .*nothing/m);
  });

  it("ends with 3 when the device cannot be used", async () => {
    const { status, stderr } = await run("encode", speech, "-o", at("out/"), ...TINY, "--device", "cuda:4095");
    assert.equal(status, 3);
    assert.match(stderr, /^lmspt: .*cuda/im);
  });

  it("prints stacks only when LMSPT_DEBUG asks for them", async () => {
    const args = ["info", at("missing.lmspt")];
    const plain = await run(...args);
    assert.deepEqual(plain, { status: 1, stdout: "", stderr: `lmspt: There is no file ${at("missing.lmspt")}\n` });
    process.env.LMSPT_DEBUG = "1";
    try {
      assert.match((await run(...args)).stderr, /There is no file .*\n +at /);
    } finally {
      delete process.env.LMSPT_DEBUG;
    }
  });

  it("leaves no handler of Ctrl-C behind", async () => {
    const before = process.listenerCount("SIGINT");
    await run("--help");
    assert.equal(process.listenerCount("SIGINT"), before);
  });
});

describe("bin/lmspt.js", () => {
  it("hands over arguments, output and status", async () => {
    const { status, stdout, stderr } = await runChild(launcher, ["info", "--json", speech]);
    assert.equal(stderr, "");
    assert.equal(status, 0);
    assert.equal(JSON.parse(stdout).kind, "audio");
    assert.equal((await runChild(launcher, ["sing"])).status, 2);
  });

  it("does not mind a reader that leaves early", async () => {
    const child = spawn(process.execPath, [launcher, "info", speech], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.destroy();
    let stderr = "";
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
    });
    const [status] = await once(child, "close");
    assert.deepEqual([status, stderr], [0, ""]);
  });
});
