import { tokensFromNpy, tokensToNpy } from "../../lib/data/npy.js";
import { TokenArchive } from "../../lib/data/token-archive.js";
import { TokenArchiveWriter } from "../../lib/data/token-archive-writer.js";
import { decodeTokenFile, encodeTokenFile } from "../../lib/data/token-file.js";
import { TokenFileReader } from "../../lib/data/token-file-reader.js";
import { TokenFileWriter } from "../../lib/data/token-file-writer.js";
import { bitrate, concatTokens, sliceTokens, tokenSpec } from "../../lib/data/tokens.js";
import { tokensToJson } from "../../lib/data/tokens-json.js";
import { assertRefused, wrong } from "../refusals.js";
import { makeTokens } from "./support.js";

describe("token functions refuse arguments of a wrong type", () => {
  const tokens = makeTokens(3);

  it("in memory", () =>
    assertRefused([
      ...[bitrate, tokensToJson, tokensToNpy, encodeTokenFile, tokenSpec].flatMap((call) => [
        [() => call(wrong(undefined)), "Expected an object for tokens but received undefined"] as const,
        [() => call(wrong({})), "Expected an array of Int32Array for tokens.semantic"] as const,
      ]),
      [() => concatTokens(wrong(5)), "Expected an array for pieces but received 5"],
      [() => concatTokens([wrong(5)]), "Expected an object for tokens but received 5"],
      [() => sliceTokens(wrong(5), 0, 1), "Expected an object for tokens but received 5"],
      [() => tokensFromNpy(tokensToNpy(tokens), wrong(undefined)), "Expected an object for spec"],
      [() => encodeTokenFile(tokens, wrong(null)), "Expected an object for the options but received null"],
      [() => decodeTokenFile(encodeTokenFile(tokens), { recover: wrong(1) }), "Expected true or false for recover"],
    ]));

  it("on disk", () =>
    assertRefused([
      [() => TokenFileReader.open(wrong(5)), "Expected a path"],
      [() => TokenFileReader.open("x", { signal: wrong(5) }), "Expected an AbortSignal for signal but received 5"],
      [() => TokenFileWriter.create(wrong(5), tokenSpec(tokens)), "Expected a path"],
      [() => TokenFileWriter.create("x", wrong(undefined)), "Expected an object for spec but received undefined"],
      [() => TokenArchive.open(wrong(5)), "Expected a path"],
      [() => TokenArchive.open("x", { recover: wrong(1) }), "Expected true or false for recover"],
      [() => TokenArchiveWriter.open(wrong(5), tokenSpec(tokens)), "Expected a path"],
      [() => TokenArchiveWriter.open("x", tokenSpec(tokens), { signal: wrong(5) }), "Expected an AbortSignal"],
      [() => TokenFileWriter.appendTo(wrong(5)), "Expected a path"],
      [() => TokenArchive.open(wrong(5)), "Expected a path"],
      [() => TokenArchive.open("x", { recover: wrong("yes") }), "Expected true or false for recover"],
      [() => TokenArchive.isArchive(wrong(undefined)), "Expected a path"],
      [() => TokenArchiveWriter.open(wrong(5), tokenSpec(tokens)), "Expected a path"],
      [() => TokenArchiveWriter.open("x", wrong(undefined)), "Expected an object for spec but received undefined"],
      [() => TokenArchiveWriter.open("x", tokenSpec(tokens), wrong(null)), "Expected an object for the options"],
    ]));
});
