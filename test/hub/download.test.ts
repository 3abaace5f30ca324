import assert from "node:assert/strict";
import { lstat, readFile, readlink, writeFile } from "node:fs/promises";
import { type ResolveOptions, resolveModel } from "../../lib/hub/index.js";
import { FakeHub, gitSha1, sha256 } from "./fakeHub.js";
import { randomContent, Sandbox } from "./sandbox.js";

describe("downloading a model", () => {
  const MIB = 1 << 20;
  const repo = "owner/repo";
  const file = "model.safetensors";
  const name = `hf://${repo}`;
  const weights = randomContent(3 * MIB + 17);
  const config = Buffer.from('{"sample_rate": 24000}');
  const network = { attempts: 3, firstDelayMs: 1, maxDelayMs: 5, maxRetryAfterMs: 2_000, idleTimeoutMs: 5_000 };
  const folder = "models--owner--repo";
  let sandbox: Sandbox;
  let hub: FakeHub;

  beforeEach(async () => {
    sandbox = await Sandbox.make();
    hub = await new FakeHub(repo).start();
    hub.add(file, weights);
    hub.add("config.json", config);
  });
  afterEach(async () => {
    await hub.stop();
    await sandbox.remove();
  });

  function resolve(options: ResolveOptions = {}, wanted = name) {
    const env = { ...sandbox.env, HF_ENDPOINT: hub.endpoint, ...options.env };
    return resolveModel(wanted, { workingFolder: sandbox.folder, network, ...options, env });
  }
  const cached = (path: string) => sandbox.path(`.cache/huggingface/hub/${folder}/${path}`);
  const partial = () => cached(`blobs/${sha256(weights)}.incomplete`);
  const rangesAsked = () => hub.downloads.map(({ headers }) => headers.range);
  async function assertComplete() {
    assert.ok((await readFile(cached(`snapshots/${hub.commit}/${file}`))).equals(weights));
    const blobs = [sha256(weights), gitSha1(config)].sort();
    assert.deepEqual(await sandbox.list(`.cache/huggingface/hub/${folder}/blobs`), blobs);
    assert.deepEqual(await sandbox.list(".cache/huggingface/hub/.locks"), []);
  }

  it("fills the cache in the layout of huggingface_hub", async () => {
    const model = await resolve();
    assert.deepEqual(model, {
      kind: "folder",
      configPath: cached(`snapshots/${hub.commit}/config.json`),
      weightsPath: cached(`snapshots/${hub.commit}/${file}`),
      preset: undefined,
      licence: undefined,
      source: `hf://${repo}@${hub.commit}/${file}`,
    });
    assert.ok((await lstat(model.weightsPath)).isSymbolicLink());
    assert.equal((await readlink(model.weightsPath)).replaceAll("\\", "/"), `../../blobs/${sha256(weights)}`);
    assert.equal(await readFile(cached("refs/main"), "utf8"), hub.commit);
    assert.deepEqual(await readFile(model.configPath!), config);
    await assertComplete();
  });

  it("asks nobody when everything is cached", async () => {
    const first = await resolve();
    const { length } = hub.requests;
    assert.deepEqual(await resolve(), first);
    assert.deepEqual(await resolve({}, `${name}@${hub.commit}/${file}`), first);
    assert.deepEqual(await resolve({ env: { HF_HUB_OFFLINE: "1" } }), first);
    assert.equal(hub.requests.length, length);
  });

  it("reports progress up to the whole", async () => {
    const seen: [number, number | undefined][] = [];
    await resolve({ onProgress: (received, total) => seen.push([received, total]) });
    assert.deepEqual(seen[0], [0, weights.length]);
    assert.deepEqual(seen.at(-1), [weights.length, weights.length]);
    assert.ok(seen.every(([received], i) => i === 0 || received > seen[i - 1]![0]));
  });

  it("remembers that a repository has no config.json", async () => {
    hub.add("sub/other.safetensors", weights);
    const wanted = `${name}/sub/other.safetensors`;
    assert.equal((await resolve({}, wanted)).configPath, undefined);
    const { length } = hub.requests;
    assert.equal((await resolve({}, wanted)).configPath, undefined);
    assert.equal(hub.requests.length, length);
  });

  it("follows the hub's own redirects of small files", async () => {
    hub.redirectsSmallFiles = true;
    assert.deepEqual(await readFile((await resolve()).configPath!), config);
  });

  it("copies where links are switched off", async () => {
    const { weightsPath } = await resolve({ env: { HF_HUB_DISABLE_SYMLINKS: "1" } });
    assert.ok((await lstat(weightsPath)).isFile());
    await assertComplete();
  });

  it("asks for the branch once and for all else by its commit, so that a moving branch mixes nothing", async () => {
    await resolve();
    const paths = hub.requests.filter(({ server }) => server === "hub").map(({ path }) => path);
    assert.deepEqual(
      paths.filter((path) => path.includes("/main/")),
      [`/${repo}/resolve/main/${file}`],
    );
    assert.ok(paths.length >= 4);
  });

  it("links a blob that another revision brought, without fetching it", async () => {
    await writeFile(await sandbox.write(`.cache/huggingface/hub/${folder}/blobs/${sha256(weights)}`, ""), weights);
    await resolve();
    assert.equal(hub.downloads.length, 0);
    await assertComplete();
  });

  describe("resuming", () => {
    it("survives connections that are cut again and again", async () => {
      const piece = MIB / 4;
      for (let i = 0; i < 10; i++) hub.cdnFaults.push({ cutAfter: piece });
      await resolve({ network: { ...network, attempts: 6 } });
      const starts = rangesAsked().map((range) => Number(/\d+/.exec(range ?? "0")![0]));
      assert.equal(starts.length, 11);
      assert.ok(starts.every((start, i) => i === 0 || start > starts[i - 1]!));
      await assertComplete();
    });

    it("gives up when no progress is made, and a later call goes on", async () => {
      hub.cdnFaults.push({ cutAfter: MIB / 2 }, { cutAfter: 0 }, { cutAfter: 0 }, { cutAfter: 0 });
      await assert.rejects(resolve(), { code: "ERR_LMSPT_DOWNLOAD", message: /connection to 127.* broke.*3 failures/ });
      assert.equal(rangesAsked().length, 3);
      const { length } = await readFile(partial());
      assert.ok(length > 0 && length <= MIB / 2);
      hub.cdnFaults.length = 0;
      const seen: number[] = [];
      await resolve({ onProgress: (received) => seen.push(received) });
      assert.equal(rangesAsked()[3], `bytes=${length}-`);
      assert.equal(seen[0], length);
      await assertComplete();
    });

    it("starts over on a server that ignores ranges", async () => {
      hub.cdnFaults.push({ cutAfter: MIB }, { ignoreRange: true });
      await resolve();
      assert.equal(hub.downloads.length, 2);
      await assertComplete();
    });

    it("starts over when the storage server's file changed meanwhile", async () => {
      hub.cdnFaults.push({ cutAfter: MIB }, { before: () => hub.replaceStoredFiles() });
      await resolve();
      assert.equal(hub.downloads[1]!.headers["if-range"], '"storage-1"');
      assert.equal(hub.downloads.length, 2);
      await assertComplete();
    });

    it("starts over when the server answers with another range", async () => {
      hub.cdnFaults.push({ cutAfter: MIB }, { wrongStart: 5 });
      await resolve();
      assert.deepEqual([rangesAsked().length, rangesAsked()[2]], [3, undefined]);
      await assertComplete();
    });

    it("starts over when the server has nothing from there on", async () => {
      hub.cdnFaults.push({ cutAfter: MIB }, { status: 416 });
      await resolve();
      await assertComplete();
    });

    it("recovers from a partial file that holds something else", async () => {
      for (const garbage of [randomContent(1000), randomContent(weights.length), randomContent(weights.length + 9)]) {
        const again = await Sandbox.make();
        await again.write(`.cache/huggingface/hub/${folder}/blobs/${sha256(weights)}.incomplete`, garbage);
        const { weightsPath } = await resolve({ env: again.env });
        assert.ok((await readFile(weightsPath)).equals(weights), `${garbage.length} bytes`);
        await again.remove();
      }
    });

    it("needs no request for the content when it had arrived in full", async () => {
      await sandbox.write(`.cache/huggingface/hub/${folder}/blobs/${sha256(weights)}.incomplete`, weights);
      await resolve();
      assert.equal(hub.downloads.length, 0);
      await assertComplete();
    });
  });

  describe("wrong content", () => {
    const nothingInPlace = async () => assert.deepEqual(await sandbox.list(`.cache/huggingface/hub/${folder}`), []);

    it("is never put into place", async () => {
      const altered = Buffer.from(weights);
      altered[MIB]! ^= 1;
      hub.cdnFaults.push({ content: altered });
      await assert.rejects(resolve(), {
        code: "ERR_LMSPT_DOWNLOAD",
        message: new RegExp(`expected checksum ${sha256(weights)}, but its checksum is ${sha256(altered)}`),
      });
      assert.equal(hub.downloads.length, 1);
      await nothingInPlace();
    });

    it("is given one fresh try after a resume, not more", async () => {
      const altered = randomContent(weights.length);
      const cut = { content: altered, cutAfter: MIB };
      hub.cdnFaults.push(cut, { content: altered }, cut, { content: altered });
      await assert.rejects(resolve(), { code: "ERR_LMSPT_DOWNLOAD", message: /checksum/ });
      assert.equal(hub.downloads.length, 4);
      await nothingInPlace();
    });

    it("is refused as soon as it is too long", async () => {
      hub.cdnFaults.push({ content: Buffer.concat([weights, weights]) });
      await assert.rejects(resolve(), { code: "ERR_LMSPT_DOWNLOAD", message: /longer than 3145745 bytes/ });
      assert.ok((await readFile(partial())).length <= weights.length);
    });

    it("is refused in small files, whose checksum is git's", async () => {
      await resolve({}, `${name}/${file}`);
      const { length } = hub.requests;
      const other = await Sandbox.make();
      hub.add(file, weights, false);
      hub.hubFaults.push({}, { content: randomContent(weights.length) });
      await assert.rejects(resolve({ env: other.env }), { code: "ERR_LMSPT_DOWNLOAD", message: /checksum/ });
      assert.ok(hub.requests.length > length);
      assert.ok((await readFile((await resolve({ env: other.env })).weightsPath)).equals(weights));
      await other.remove();
    });

    it("from something that is no hub is refused by its headers", async () => {
      const cases: Record<string, string>[] = [
        { "x-linked-etag": '"../../../evil"' },
        { "x-linked-etag": '"0123"' },
        { "x-repo-commit": "../../../../evil" },
        { "x-linked-size": "-5" },
        { "x-linked-size": "many" },
      ];
      for (const headers of cases) {
        hub.hubFaults.push({ headers });
        const expected = { code: "ERR_LMSPT_DOWNLOAD", message: /does not answer as a Hugging Face hub/ };
        await assert.rejects(resolve(), expected, JSON.stringify(headers));
      }
      assert.equal(hub.downloads.length, 0);
    });
  });

  describe("refusals", () => {
    it("401 and 403 tell about the token and the terms", async () => {
      hub.requiredToken = "hf_right";
      const terms = new RegExp(
        `owner/repo at revision main \\(401\\).*terms at ${hub.endpoint}/owner/repo, then set HF_TOKEN`,
      );
      await assert.rejects(resolve(), { code: "ERR_LMSPT_DOWNLOAD", message: terms });
      const error = await resolve({ env: { HF_TOKEN: "hf_wrong" } }).catch((reason: Error) => reason);
      assert.match(String(error), /\(403\).*token in use does not give access/);
      assert.doesNotMatch(String(error), /hf_wrong/);
      assert.equal(hub.requests.length, 2);
    });

    it("404 names repository, revision and file, and which of them is missing", async () => {
      const cases: [string, RegExp][] = [
        ["hf://owner/none", /model\.safetensors of repository owner\/none at revision main \(404\): the repository/],
        [`${name}@old`, /model\.safetensors of repository owner\/repo at revision old \(404\).*no such revision/],
        [`${name}/no.safetensors`, /no\.safetensors of repository owner\/repo at revision main \(404\).*no such file/],
      ];
      for (const [wanted, message] of cases) {
        await assert.rejects(resolve({}, wanted), { code: "ERR_LMSPT_MODEL", message }, wanted);
      }
      assert.equal(hub.requests.length, cases.length);
    });

    it("of the storage server are not taken for the hub's", async () => {
      hub.cdnFaults.push({ status: 403 });
      await assert.rejects(
        resolve(),
        (error: Error) => /answered 403/.test(error.message) && !/HF_TOKEN/.test(error.message),
      );
    });

    it("that pass are repeated: 429, 408 and 5xx of both servers", async () => {
      hub.hubFaults.push({ status: 500 }, { status: 408 });
      hub.cdnFaults.push({ status: 503 }, { status: 429 });
      await resolve();
      await assertComplete();
    });

    it("that do not pass end in an error", async () => {
      for (let i = 0; i < 3; i++) hub.hubFaults.push({ status: 502 });
      await assert.rejects(resolve(), { code: "ERR_LMSPT_DOWNLOAD", message: /answered 502.*3 failures in a row/ });
      assert.equal(hub.requests.length, 3);
    });

    it("with Retry-After are waited for, within reason", async () => {
      hub.hubFaults.push({ status: 429, headers: { "retry-after": "1" } });
      const started = performance.now();
      await resolve();
      assert.ok(performance.now() - started >= 950);
      hub.hubFaults.push({ status: 429, headers: { "retry-after": "3600" } });
      await assert.rejects(resolve({}, `${name}@${hub.commit}/x.safetensors`), /asks to wait 3600 s/);
    });

    it("an unreachable hub says what else can be done", async () => {
      const closed = await new FakeHub(repo).start();
      const { endpoint } = closed;
      await closed.stop();
      const failing = resolve({ env: { HF_ENDPOINT: endpoint } });
      await assert.rejects(failing, { code: "ERR_LMSPT_DOWNLOAD", message: /Cannot reach 127.*ECONNREFUSED.*folder/ });
    });

    it("redirects without end are not followed", async () => {
      const loop = { status: 302, headers: { location: `/${repo}/resolve/main/${file}` } };
      for (let i = 0; i < 20; i++) hub.hubFaults.push(loop);
      await assert.rejects(resolve(), { code: "ERR_LMSPT_DOWNLOAD", message: /redirects/ });
      hub.hubFaults.length = 0;
      hub.hubFaults.push({ status: 302, headers: { location: "file:///etc/passwd" } });
      await assert.rejects(resolve(), { code: "ERR_LMSPT_DOWNLOAD", message: /redirects to an address/ });
    });

    it("a cache that cannot be written is named", async () => {
      await sandbox.write("blocked", "a file where a folder should be");
      const failing = resolve({ env: { HF_HUB_CACHE: sandbox.path("blocked") } });
      await assert.rejects(failing, { code: "ERR_LMSPT_IO", message: /blocked.*HF_HUB_CACHE/ });
    });
  });

  describe("the token", () => {
    it("goes to the hub and to no other host", async () => {
      hub.requiredToken = "hf_right";
      await resolve({ env: { HF_TOKEN: "hf_right" } });
      for (const { server, headers } of hub.requests) {
        assert.equal(headers.authorization, server === "hub" ? "Bearer hf_right" : undefined);
      }
      assert.ok(hub.downloads.length > 0);
    });

    it("is read from where a log-in saved it", async () => {
      hub.requiredToken = "hf_saved";
      await sandbox.write(".cache/huggingface/token", "hf_saved\n");
      await resolve();
      await assertComplete();
    });

    it("is not sent when it cannot be one", async () => {
      const failing = resolve({ env: { HF_TOKEN: "two\nlines" } });
      await assert.rejects(failing, (error: Error) => /HF_TOKEN/.test(error.message) && !/two/.test(error.message));
      assert.equal(hub.requests.length, 0);
    });
  });

  describe("abort", () => {
    const reason = new Error("enough");

    it("before anything makes no request", async () => {
      await assert.rejects(resolve({ signal: AbortSignal.abort(reason) }), (error) => error === reason);
      assert.equal(hub.requests.length, 0);
    });

    it("on a server that fell silent comes at once, keeps what arrived and leaves no lock", async () => {
      hub.cdnFaults.push({ stallAfter: MIB });
      const controller = new AbortController();
      const onProgress = (received: number) => {
        if (received === MIB) controller.abort(reason);
      };
      const started = performance.now();
      await assert.rejects(resolve({ signal: controller.signal, onProgress }), (error) => error === reason);
      assert.ok(performance.now() - started < 3_000);
      assert.equal((await readFile(partial())).length, MIB);
      assert.deepEqual(await sandbox.list(".cache/huggingface/hub/.locks"), []);
      await resolve();
      assert.equal(rangesAsked()[1], `bytes=${MIB}-`);
      await assertComplete();
    });

    it("during a pause between two attempts comes at once", async () => {
      hub.hubFaults.push({ status: 503, headers: { "retry-after": "1" } });
      const started = performance.now();
      const signal = AbortSignal.timeout(150);
      await assert.rejects(resolve({ signal }), { name: "TimeoutError" });
      assert.ok(performance.now() - started < 900);
    });

    it("is not needed for a silent connection: it is dropped and resumed", async () => {
      hub.cdnFaults.push({ stallAfter: MIB });
      await resolve({ network: { ...network, idleTimeoutMs: 200 } });
      assert.equal(rangesAsked()[1], `bytes=${MIB}-`);
      await assertComplete();
    });
  });

  it("lets an error of the progress listener through, without repeating", async () => {
    const onProgress = () => {
      throw new Error("from the listener");
    };
    await assert.rejects(resolve({ onProgress }), /from the listener/);
    assert.equal(hub.downloads.length, 1);
  });
});
