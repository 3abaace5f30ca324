import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { resolveModel } from "../../lib/hub/index.js";
import { FakeHub, sha256 } from "./fakeHub.js";
import { randomContent, Sandbox } from "./sandbox.js";

describe("downloading one model at the same time", function () {
  this.timeout(30_000);
  const repo = "owner/repo";
  const weights = randomContent(2 << 20);
  let sandbox: Sandbox;
  let hub: FakeHub;

  beforeEach(async () => {
    sandbox = await Sandbox.make();
    hub = await new FakeHub(repo).start();
    hub.add("model.safetensors", weights);
  });
  afterEach(async () => {
    await hub.stop();
    await sandbox.remove();
  });

  const env = () => ({ ...sandbox.env, HF_ENDPOINT: hub.endpoint });
  const slowly = { before: () => new Promise<void>((resolve) => setTimeout(resolve, 300)) };
  async function assertWhole(path: string) {
    assert.equal(sha256(await readFile(path)), sha256(weights));
    assert.equal(hub.downloads.length, 1);
  }

  it("fetches it once for all calls of a process", async () => {
    hub.cdnFaults.push(slowly);
    const calls = Array.from({ length: 6 }, () => resolveModel(`hf://${repo}`, { env: env() }));
    const paths = new Set((await Promise.all(calls)).map((model) => model.weightsPath));
    assert.equal(paths.size, 1);
    await assertWhole([...paths][0]!);
  });

  it("fetches it once for all processes", async () => {
    hub.cdnFaults.push(slowly);
    const paths = new Set(await Promise.all([1, 2, 3].map(() => resolveInChild().finished)));
    assert.equal(paths.size, 1);
    await assertWhole([...paths][0]!);
  });

  it("goes on where a killed process stopped", async () => {
    hub.cdnFaults.push({ stallAfter: 1 << 20 });
    const victim = resolveInChild();
    const partial = join(sandbox.cache, "models--owner--repo/blobs", `${sha256(weights)}.incomplete`);
    while ((await readFile(partial).catch(() => "")).length < 1 << 20) await new Promise((go) => setTimeout(go, 20));
    victim.child.kill("SIGKILL");
    await once(victim.child, "exit");
    const started = performance.now();
    const { weightsPath } = await resolveModel(`hf://${repo}`, { env: env() });
    assert.ok(performance.now() - started < 5_000, "waited for a dead process");
    assert.equal(hub.downloads[1]!.headers.range, `bytes=${1 << 20}-`);
    assert.equal(sha256(await readFile(weightsPath)), sha256(weights));
  });

  function resolveInChild() {
    const library = join(__dirname, "../../lib/hub/index.js");
    const script = `require(${JSON.stringify(library)}).resolveModel("hf://${repo}")
      .then((model) => process.stdout.write(model.weightsPath), (error) => { console.error(error); process.exitCode = 1; });`;
    const child = spawn(process.execPath, ["-e", script], { env: { ...process.env, ...env() } });
    return { child, finished: outputOf(child) };
  }

  async function outputOf(child: ReturnType<typeof spawn>): Promise<string> {
    let output = "";
    let errors = "";
    child.stdout!.on("data", (data) => (output += data));
    child.stderr!.on("data", (data) => (errors += data));
    await once(child, "close");
    assert.equal(errors, "");
    return output;
  }
});
