import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { native, type OpInfo, packageRoot } from "../../lib/graph/native.js";
import { testedLibrary } from "../device/cuda-device.js";

const opsFolder = join(packageRoot(), "csrc", "ops");
const families = [...readFileSync(join(opsFolder, "families.def"), "utf8").matchAll(/^LMSPT_OP_FAMILY\((\w+)\)/gm)].map(
  ([, family]) => family!,
);

const filesOf = (folder: string, end: RegExp) =>
  readdirSync(folder)
    .filter((name) => end.test(name))
    .map((name) => readFileSync(join(folder, name), "utf8"));

/** What a family's files say in their comments. */
const comments = (family: string) =>
  filesOf(join(opsFolder, family), /\.(h|cc|def)$/)
    .flatMap((text) => text.split("\n").filter((line) => line.trimStart().startsWith("//")))
    .join("\n");

/** The family whose sources register the op. */
function familyOf({ name }: OpInfo): string {
  const registration = new RegExp(
    `registry\\.add\\(\\s*\\{\\s*"${name}"|OpDef \\w+\\{\\s*"${name}"|LMSPT_(UNARY|BINARY)\\(${name},`,
  );
  const found = families.filter((family) =>
    filesOf(join(opsFolder, family), /\.(cc|def)$/).some((text) => registration.test(text)),
  );
  assert.equal(found.length, 1, `${name} is registered by ${found.join(", ") || "no family"}`);
  return found[0]!;
}

/** Ops that only gradients and plans record: they have no function of their own. */
const isInternal = (name: string) => /_grad$|^pack_|^fused_/.test(name);

describe("registry", () => {
  const ops = native().listOps();

  it("knows the ops of every family", () => {
    assert(families.length >= 9 && ops.length > families.length);
    assert.deepEqual(new Set(ops.map(familyOf)), new Set(families));
  });

  it("has a kernel of every op that is not a view for every CPU variant of this build", () => {
    const variants = process.arch === "x64" ? ["portable", "avx2", "avx512"] : ["portable"];
    for (const { name, view, cpu } of ops) assert.deepEqual(cpu, view ? [] : variants, name);
  });

  it("has a gradient of every op, or the reason for none", () => {
    for (const { name, gradient, noGradient } of ops) {
      assert(gradient !== noGradient.length > 0, `${name}: gradient ${gradient}, reason "${noGradient}"`);
    }
  });

  it("has a test of every family", () => {
    for (const family of families) {
      const file = join(packageRoot(), "test", "ops", `${family.replaceAll("_", "-")}.test.ts`);
      assert(existsSync(file), `${file} is missing`);
    }
  });

  it("has a formula or a word about every op in its family's comments", () => {
    for (const op of ops) {
      if (op.name.startsWith("pack_")) continue;
      const names = `${op.name}|${op.name.replace(/_grad$/, "")}`;
      const family = familyOf(op);
      const told = family === "pointwise" || new RegExp(`\\b(${names})\\b`).test(comments(family));
      assert(told, `${op.name}: no comment in csrc/ops/${family} names it`);
    }
  });

  it("has a typed function for every op that is not internal, documented", () => {
    const sources = filesOf(join(packageRoot(), "lib", "graph", "ops"), /\.ts$/);
    for (const { name } of ops) {
      if (isInternal(name)) continue;
      assert(
        sources.some((text) => text.includes(`"${name}"`)),
        `no function in lib/graph/ops records ${name}`,
      );
    }
    for (const text of sources)
      assert.match(text, /^(import .*\n+)*\/\*\*/, "a file of lib/graph/ops begins with a comment");
  });

  it("has a CUDA kernel of every op that is not a view", () => {
    assert.deepEqual(native().describeCuda(testedLibrary).missing, []);
  });
});
