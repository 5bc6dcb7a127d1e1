// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { duration, pathList } from "./field.ts";
import { renderHelp, renderReference } from "./help.ts";
import { defineConfig } from "./schema.ts";

const schema = defineConfig({
  service: "ads",
  summary: "Gives every `Envoy` its configuration.",
  ports: { grpc: 18000, http: 18001 },
  fields: {
    resources: pathList({ doc: "Files or `folders` of resources." }),
    ttlMs: duration({ default: "10s", doc: "How long a registration lives." }),
  },
});

Deno.test("renderHelp() shows flag, doc, variable and default within 100 columns", () => {
  const text = renderHelp(schema, { program: "denvoy-ads" });
  assert.match(
    text,
    /^ads: Gives every Envoy its configuration\.\n\nUsage: denvoy-ads \[options\]\n/,
  );
  assert.match(
    text,
    /--resources PATH +Files or folders of resources\.\n +env DENVOY_ADS_RESOURCES, may be repeated\n/,
  );
  assert.match(text, /--ttl DURATION +How long.*\n +env DENVOY_ADS_TTL, default 10s\n/);
  assert.match(text, /--grpc-address ADDRESS/);
  for (const line of text.split("\n")) assert.ok(line.length <= 100, line);
});

Deno.test("renderReference() is a Markdown table with a row per field", () => {
  const text = renderReference(schema);
  assert.match(
    text,
    /\| `--ttl DURATION` \| `DENVOY_ADS_TTL` \| `ttl` \| a duration .* \| `10s` \| How long/,
  );
  const rows = text.split("\n").filter((line) => line.startsWith("| `--"));
  assert.equal(rows.length, schema.fields.length);
  for (const row of rows) assert.equal(row.replaceAll("\\|", "").split("|").length, 8, row);
});
