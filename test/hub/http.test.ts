import assert from "node:assert/strict";
import { type HttpAnswer, redirectTarget } from "../../lib/hub/http.js";

describe("redirects", () => {
  const target = (from: string, location?: string, status = 302) => {
    const headers = new Headers(location === undefined ? {} : { location });
    return redirectTarget({ url: new URL(from), status, headers } as HttpAnswer)?.href;
  };

  it("lead to absolute and relative addresses", () => {
    assert.equal(target("https://a/b/c", "https://x/y?z=1"), "https://x/y?z=1");
    assert.equal(target("https://a/b/c", "/y", 307), "https://a/y");
    assert.equal(target("http://a/b/c", "http://x/"), "http://x/");
    assert.equal(target("http://a/b/c", "https://x/"), "https://x/");
  });

  it("are known by their status alone", () => {
    for (const status of [200, 206, 304, 404]) assert.equal(target("https://a/", "https://x/", status), undefined);
  });

  it("never leave https, name another protocol, or lead nowhere", () => {
    for (const location of ["http://a/", "file:///etc/passwd", "data:,x", "https://", undefined]) {
      assert.throws(() => target("https://a/", location), { code: "ERR_LMSPT_DOWNLOAD" }, location);
    }
  });
});
