// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { Chance } from "@denvoy/base/testing";
import { ConnectionError, ErrorCode } from "./error_code.ts";
import { HpackDecoder } from "./hpack_decoder.ts";
import { encodeStateless, type HeaderPair, HpackEncoder } from "./hpack_encoder.ts";
import { decodeHuffman, encodeHuffman, huffmanLength } from "./huffman.ts";

function hex(text: string): Uint8Array {
  const digits = text.replaceAll(/\s/g, "");
  return Uint8Array.from(
    { length: digits.length / 2 },
    (_, at) => Number.parseInt(digits.slice(at * 2, at * 2 + 2), 16),
  );
}

function decode(decoder: HpackDecoder, block: Uint8Array): HeaderPair[] {
  const { fields } = decoder.decode(block, 0, block.byteLength);
  return fields.map(({ name, value }): HeaderPair => [name, value]);
}

const first: HeaderPair[] = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/"],
  [":authority", "www.example.com"],
];
const third: HeaderPair[] = [
  [":method", "GET"],
  [":scheme", "https"],
  [":path", "/index.html"],
  [":authority", "www.example.com"],
  ["custom-key", "custom-value"],
];
const requests: readonly (readonly [HeaderPair[], number])[] = [
  [first, 57],
  [[...first, ["cache-control", "no-cache"]], 110],
  [third, 164],
];

const date = "Mon, 21 Oct 2013 20:13:21 GMT";
const location: HeaderPair = ["location", "https://www.example.com"];
const cookie = "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
const responses: readonly (readonly [HeaderPair[], number])[] = [
  [[[":status", "302"], ["cache-control", "private"], ["date", date], location], 222],
  [[[":status", "307"], ["cache-control", "private"], ["date", date], location], 222],
  [
    [
      [":status", "200"],
      ["cache-control", "private"],
      ["date", "Mon, 21 Oct 2013 20:13:22 GMT"],
      location,
      ["content-encoding", "gzip"],
      ["set-cookie", cookie],
    ],
    215,
  ],
];

// The responses are for a table of 256 octets, which a size update sets here.
const tableOf256 = "3fe101";

const sequences: readonly (readonly [string, typeof requests, readonly string[]])[] = [
  ["C.3 requests without Huffman", requests, [
    "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
    "8286 84be 5808 6e6f 2d63 6163 6865",
    "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
  ]],
  ["C.4 requests with Huffman", requests, [
    "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
    "8286 84be 5886 a8eb 1064 9cbf",
    "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
  ]],
  ["C.5 responses without Huffman", responses, [
    `${tableOf256} 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230
     3133 2032 303a 3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65
     2e63 6f6d`,
    "4803 3330 37c1 c0bf",
    `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04
     677a 6970 7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49
     553b 206d 6178 2d61 6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31`,
  ]],
  ["C.6 responses with Huffman", responses, [
    `${tableOf256} 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0
     82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
    "4883 640e ffc1 c0bf",
    `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7
     821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed
     4ee5 b106 3d50 07`,
  ]],
];

for (const [name, expected, blocks] of sequences) {
  Deno.test(`HpackDecoder decodes RFC 7541 ${name}`, () => {
    const decoder = new HpackDecoder(4_096);
    for (const [at, block] of blocks.entries()) {
      assert.deepEqual(decode(decoder, hex(block)), expected[at]?.[0]);
      assert.equal(decoder.tableBytes, expected[at]?.[1]);
    }
  });
}

Deno.test("HpackDecoder decodes RFC 7541 C.2 literals, indexed or not", () => {
  const rows: readonly (readonly [string, HeaderPair, number])[] = [
    [
      "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
      ["custom-key", "custom-header"],
      55,
    ],
    ["040c 2f73 616d 706c 652f 7061 7468", [":path", "/sample/path"], 0],
    ["1008 7061 7373 776f 7264 0673 6563 7265 74", ["password", "secret"], 0],
    ["82", [":method", "GET"], 0],
  ];
  for (const [block, pair, tableBytes] of rows) {
    const decoder = new HpackDecoder(4_096);
    assert.deepEqual(decode(decoder, hex(block)), [pair]);
    assert.equal(decoder.tableBytes, tableBytes);
  }
});

Deno.test("HpackDecoder ends the connection with COMPRESSION_ERROR", async (t) => {
  const rows: readonly (readonly [string, string])[] = [
    ["on index 0", "80"],
    ["on an index beyond both tables", "be"],
    ["on a name index beyond both tables", "7f00 0161"],
    ["on a block that ends within an integer", "ff"],
    ["on an integer that never ends", "ff80 8080 8080 8080 8001"],
    ["on a block that ends before a string", "00"],
    ["on a block that ends within a string", "0005 6162"],
    ["on a Huffman string with EOS", "0084 ffff ffff 00"],
    ["on Huffman padding that is not of ones", "0081 0800"],
    ["on Huffman padding of more than 7 bits", "0082 1fff 00"],
    ["on a table size update after a field", "8220"],
    ["on a table size update above the setting", "3fe2 1f"],
  ];
  for (const [name, block] of rows) {
    await t.step(name, () => {
      assert.throws(
        () => decode(new HpackDecoder(4_096), hex(block)),
        (error) => error instanceof ConnectionError && error.code === ErrorCode.COMPRESSION_ERROR,
      );
    });
  }
});

Deno.test("HpackDecoder takes several size updates before the first field", () => {
  assert.deepEqual(decode(new HpackDecoder(4_096), hex("20 3fe11f 82")), [[":method", "GET"]]);
});

Deno.test("HpackDecoder keeps its table right through a list that is too large", () => {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder(100);
  const block = encoder.encode([["a", "x".repeat(60)], ["b", "1"], ["c", "2"]]);
  const { fields, tooLarge } = decoder.decode(block, 0, block.byteLength);
  assert.deepEqual([fields.length, tooLarge], [1, true]);
  assert.deepEqual(decode(decoder, encoder.encode([["c", "2"]])), [["c", "2"]]);
});

Deno.test("HpackDecoder counts a list of references as large as what they mean", () => {
  const decoder = new HpackDecoder(10_000);
  const encoder = new HpackEncoder();
  decode(decoder, encoder.encode([["bomb", "x".repeat(1_900)]]));
  const bomb = new Uint8Array(10_000).fill(0xbe);
  const { fields, tooLarge } = decoder.decode(bomb, 0, bomb.byteLength);
  assert.deepEqual([fields.length, tooLarge], [5, true]);
});

Deno.test("HpackEncoder encodes RFC 7541 C.4 to the octet", () => {
  const encoder = new HpackEncoder();
  const blocks = sequences[1]?.[2] ?? [];
  for (const [at, [pairs]] of requests.entries()) {
    assert.deepEqual(encoder.encode(pairs), hex(blocks[at] ?? ""));
  }
});

Deno.test("HpackEncoder never indexes secrets", () => {
  const encoder = new HpackEncoder();
  for (const name of ["authorization", "cookie", "set-cookie", "proxy-authorization"]) {
    const block = encoder.encode([[name, "secret"]]);
    assert.equal((block[0] ?? 0) & 0xf0, 0x10, name);
    assert.deepEqual(encoder.encode([[name, "secret"]]), block, `${name} is in no table`);
  }
});

Deno.test("HpackEncoder announces a smaller table before the next block, once", () => {
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder(4_096);
  const pairs: HeaderPair[] = [["k", "v"]];
  decode(decoder, encoder.encode(pairs));
  encoder.setPeerTableBytes(0);
  encoder.setPeerTableBytes(100);
  assert.equal(encoder.updatePending, true);
  const block = encoder.encode(pairs);
  assert.deepEqual([...block.subarray(0, 3)], [0x20, 0x3f, 100 - 31]);
  assert.deepEqual(decode(decoder, block), pairs);
  assert.equal(encoder.updatePending, false);
  assert.deepEqual(decode(decoder, encoder.encode(pairs)), pairs);
});

Deno.test("HpackEncoder and HpackDecoder agree over any sequence of blocks", () => {
  const chance = new Chance(7);
  const encoder = new HpackEncoder();
  const decoder = new HpackDecoder(1_000_000);
  for (let round = 0; round < 400; round++) {
    if (round % 37 === 0) encoder.setPeerTableBytes(chance.below(5_000));
    const pairs = Array.from({ length: chance.below(8) }, (): HeaderPair => [
      `name-${chance.below(30)}`,
      String.fromCharCode(
        ...Array.from({ length: chance.below(200) }, () => 32 + chance.below(224)),
      ),
    ]);
    const block = round % 5 === 0 && !encoder.updatePending
      ? encodeStateless(pairs)
      : encoder.encode(pairs);
    assert.deepEqual(decode(decoder, block), pairs);
  }
});

Deno.test("encodeHuffman() and decodeHuffman() are inverse for every octet", () => {
  const all = String.fromCharCode(...Array.from({ length: 256 }, (_, code) => code));
  for (const text of ["", "a", all, all + all.split("").reverse().join("")]) {
    const out: number[] = [];
    encodeHuffman(text, out);
    assert.equal(out.length, huffmanLength(text));
    assert.equal(decodeHuffman(Uint8Array.from(out), 0, out.length), text);
  }
});
