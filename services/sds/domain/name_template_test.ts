// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { type Bindings, NameTemplate } from "./name_template.ts";

function template(text: string): NameTemplate {
  const parsed = NameTemplate.parse(text);
  assert.ok(parsed.ok, text);
  return parsed.value;
}

Deno.test("NameTemplate.match() binds placeholders to one part of a name", () => {
  const table: readonly (readonly [string, string, Bindings | undefined])[] = [
    ["spiffe://shop/{service}", "spiffe://shop/web", { service: "web" }],
    ["spiffe://shop/{service}", "spiffe://shop/web/1", undefined],
    ["spiffe://shop/{service}", "spiffe://shop/", undefined],
    ["spiffe://shop/{service}", "spiffe://shopx/web", undefined],
    ["spiffe://shop/{service}", "xspiffe://shop/web", undefined],
    ["spiffe://shop/{service}", "spiffe://shop/web\nspiffe://shop/api", undefined],
    ["spiffe://shop/{a}/{b}", "spiffe://shop/x/y", { a: "x", b: "y" }],
    ["{a}-{a}", "web-web", { a: "web" }],
    ["{a}-{a}", "web-api", undefined],
    ["*", "anything/at/all", {}],
    ["spiffe://shop/*", "spiffe://shop/a/b", {}],
    ["a.b", "aXb", undefined],
  ];
  for (const [text, name, expected] of table) {
    const bindings = template(text).match(name);
    assert.deepEqual(bindings && { ...bindings }, expected, `${text} with ${name}`);
  }
});

Deno.test("NameTemplate.match() takes bound placeholders literally", () => {
  const table: readonly (readonly [string, Bindings, string, boolean])[] = [
    ["{service}-tls", { service: "web" }, "web-tls", true],
    ["{service}-tls", { service: "web" }, "api-tls", false],
    ["{service}-tls", { service: ".*" }, "api-tls", false],
    ["{service}-*", { service: "web" }, "web-a", true],
    ["{service}", { service: "a|b" }, "b", false],
  ];
  for (const [text, bindings, name, expected] of table) {
    assert.equal(template(text).match(name, bindings) !== undefined, expected, `${text} ${name}`);
  }
});

Deno.test("NameTemplate.fill() puts all placeholders in, or nothing", () => {
  assert.equal(template("{a}.shop").fill({ a: "web" }), "web.shop");
  assert.equal(template("{a}.{b}").fill({ a: "web" }), undefined);
  assert.equal(template("*.shop").fill({}), undefined);
  assert.equal(template("{toString}".toLowerCase()).fill({}), undefined);
});

Deno.test("NameTemplate.parse() refuses what is no pattern", () => {
  for (const text of ["", "{", "a}", "{A}", "{}", "{a b}", "{a{b}}"]) {
    assert.equal(NameTemplate.parse(text).ok, false, text);
  }
});
