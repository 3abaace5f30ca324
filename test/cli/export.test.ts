import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import { main } from "../../lib/cli/main.js";
import { decodeModel } from "../../lib/export/onnx/schema.js";
import { native } from "../../lib/graph/native.js";
import { Tokenizer } from "../../lib/models/tokenizer.js";
import { captureTerminal, run, speech, TINY, temporaryFolder, tree } from "./support.js";

const MODEL = TINY[1]!;

describe("lmspt export", () => {
  const at = temporaryFolder();

  it("has a help that tells what the files take and give", async () => {
    const { status, stdout } = await run("export", "--help");
    assert.equal(status, 0);
    assert.match(stdout, /^Usage: lmspt export /);
    assert.match(
      stdout,
      /encode\.onnx +audio float32 \[batch, 1, samples\] -> codes int64 \[batch, codebooks, frames\]/,
    );
    assert.match((await run("--help")).stdout, /export \[options\] <model>/);
  });

  it("writes ONNX files into a new folder", async () => {
    const { status, stdout, stderr } = await run("export", MODEL, "--to", "onnx", "-o", at("deep", "folder"));
    assert.equal(status, 0);
    assert.equal(stdout, "");
    assert.match(stderr, /UNTRAINED MODEL/);
    assert.match(stderr, /Wrote .*encode\.onnx, [\d.]+ MB\n.*decode\.onnx, .*\n.*aux_decode\.onnx, /);
    assert.deepEqual(
      await tree(at("deep")),
      ["aux_decode", "decode", "encode"].map((name) => `folder/${name}.onnx`),
    );
    const { producerVersion, graph } = decodeModel(await readFile(at("deep", "folder", "decode.onnx")));
    assert.match(producerVersion, /^\d+\.\d+\.\d+/);
    assert.equal(graph.name, "decode");
  });

  it("writes plan files of a length", async () => {
    const { status, stderr } = await run("export", MODEL, "--to", "plan", "--frames", "3", "-o", at("plans"), "-q");
    assert.equal(status, 0);
    assert.doesNotMatch(stderr, /Wrote/);
    assert.deepEqual(await tree(at("plans")), ["aux_decode.plan", "decode.plan", "encode.plan"]);
    native().checkPlan(await readFile(at("plans", "encode.plan")));
  });

  it("writes model folders, which give the same codes; half as large in float16, and nearly the same", async () => {
    for (const dtype of ["f32", "f16"]) {
      const { status, stderr } = await run("export", MODEL, "--to", "safetensors", "--dtype", dtype, "-o", at(dtype));
      assert.equal(status, 0, stderr);
      assert.deepEqual(await tree(at(dtype)), ["config.json", "model.safetensors"]);
    }
    const sizes = await Promise.all(
      ["f32", "f16"].map(async (dtype) => (await stat(at(dtype, "model.safetensors"))).size),
    );
    assert(sizes[1]! < 0.6 * sizes[0]!, sizes.join(" "));
    await using original = await Tokenizer.load(MODEL);
    await using copy = await Tokenizer.load(at("f32"));
    await using half = await Tokenizer.load(at("f16"));
    const { semantic, acoustic } = await original.encode(speech);
    const copied = await copy.encode(speech);
    assert.deepEqual([copied.semantic, copied.acoustic], [semantic, acoustic]);
    const rounded = await half.encode(speech);
    const equal = rounded.semantic[0]!.filter((code, i) => code === semantic[0]![i]).length;
    assert(equal > 0.8 * rounded.frames, `${equal} of ${rounded.frames} semantic codes`);
  });

  it("overwrites nothing, unless it is told to", async () => {
    await writeFile(at("decode.onnx"), "precious");
    const refused = await run("export", MODEL, "--to", "onnx", "-o", at());
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /decode\.onnx exists already; --overwrite replaces it/);
    assert.deepEqual(await tree(at()), ["decode.onnx"]);
    assert.equal(await readFile(at("decode.onnx"), "utf8"), "precious");
    assert.equal((await run("export", MODEL, "--to", "onnx", "-o", at(), "--force")).status, 0);
    assert.equal(decodeModel(await readFile(at("decode.onnx"))).graph.name, "decode");
  });

  const wrong: readonly [what: string, message: RegExp, args: readonly string[]][] = [
    ["no model", /missing required argument 'model'/, ["--to", "onnx", "-o", "x"]],
    ["no format", /required option '--to <format>' not specified/, [MODEL, "-o", "x"]],
    ["no folder", /required option '-o, --output <folder>' not specified/, [MODEL, "--to", "onnx"]],
    ["an unknown format", /Allowed choices are onnx, plan, safetensors/, [MODEL, "--to", "gguf", "-o", "x"]],
    ["plans without a length", /Expected --frames with --to plan/, [MODEL, "--to", "plan", "-o", "x"]],
    ["ONNX with a length", /Expected no --frames with --to onnx/, [MODEL, "--to", "onnx", "--frames", "5", "-o", "x"]],
    [
      "a type of weights with ONNX",
      /Expected no --dtype with --to onnx/,
      [MODEL, "--to", "onnx", "--dtype", "f16", "-o", "x"],
    ],
    [
      "an unknown type of weights",
      /Allowed choices are f32, f16, bf16/,
      [MODEL, "--to", "safetensors", "--dtype", "int8", "-o", "x"],
    ],
    ["no frames", /Expected a whole number, 1 to 100000/, [MODEL, "--to", "plan", "--frames", "0", "-o", "x"]],
    ["an impossible model", /received "random:x"/, ["random:x", "--to", "onnx", "-o", "x"]],
  ];
  for (const [what, message, args] of wrong) {
    it(`refuses ${what}`, async () => {
      const { status, stderr } = await run("export", ...args.map((arg) => (arg === "x" ? at("x") : arg)));
      assert.equal(status, 2);
      assert.match(stderr, message);
      assert.deepEqual(await tree(at()), []);
    });
  }

  it("says that a model is not there", async () => {
    const { status, stderr } = await run("export", at("nowhere"), "--to", "onnx", "-o", at("x"));
    assert.equal(status, 3);
    assert.match(stderr, /nowhere/);
  });

  it("says that the folder cannot be made", async () => {
    await writeFile(at("file"), "");
    const { status, stderr } = await run("export", MODEL, "--to", "onnx", "-o", at("file"));
    assert.equal(status, 1);
    assert.match(stderr, /Cannot make the folder .*file/);
  });

  it("leaves no half-written file when it is interrupted", async () => {
    const terminal = captureTerminal();
    const write = terminal.stderr._write.bind(terminal.stderr);
    terminal.stderr._write = (chunk, encoding, done) => {
      if (String(chunk).includes("encode.onnx")) process.emit("SIGINT", "SIGINT");
      write(chunk, encoding, done);
    };
    assert.equal(await main(["export", MODEL, "--to", "onnx", "-o", at("onnx")], terminal), 130);
    assert.deepEqual(await tree(at("onnx")), ["encode.onnx"]);
  });
});
