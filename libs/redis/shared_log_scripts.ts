// SPDX-License-Identifier: Apache-2.0
/**
 * What a shared log does in Redis in one step each. All keys have one hash tag, so that a cluster has
 * them in one place. `meta` holds `e`, which tells a Redis that has lost its data from the one before,
 * `s`, the number of commits, `i`, the id of the last one, and `b`, the octets in the stream; then come
 * the stream of the last commits, each with its id and that of the one before, and the tables.
 * @module
 */

/** Answers `e`, `s`, `i`, and all fields of each table. */
export const loadScript = `
local meta = redis.call('HMGET', KEYS[1], 'e', 's', 'i')
local out = {meta[1] or '', tonumber(meta[2] or 0), meta[3] or ''}
for n = 3, #KEYS do out[n + 1] = redis.call('HGETALL', KEYS[n]) end
return out
`;

const put = `
local write = cjson.decode(ARGV[4])
for n = 3, #KEYS do
  local change = write.tables[ARGV[n + 4]]
  if change then
    for field, text in pairs(change.put) do redis.call('HSET', KEYS[n], field, text) end
    for _, field in ipairs(change.remove) do redis.call('HDEL', KEYS[n], field) end
  end
end
`;

/**
 * ARGV: `e` as it must be, `s` as it must be or nothing, id of the commit, its JSON, how many commits
 * and octets the stream keeps, and the names of the tables. Answers 1 if it was kept, `e`, `s`, `i`, and
 * the id of the commit before. The last commit, sent again, is not kept twice.
 */
export const appendScript = `
local meta = redis.call('HMGET', KEYS[1], 'e', 's', 'i', 'b')
local e, s, before = meta[1] or '', tonumber(meta[2] or 0), meta[3] or ''
if before == ARGV[3] then return {1, e, s, before, '?'} end
if e ~= ARGV[1] or (ARGV[2] ~= '' and s ~= tonumber(ARGV[2])) then return {0, e, s, before, '?'} end
${put}
if e == '' then e = ARGV[3] end
s = s + 1
redis.call('XADD', KEYS[2], s .. '-0', 'e', e, 'i', ARGV[3], 'p', before, 'w', ARGV[4])
local octets = tonumber(meta[4] or 0) + #ARGV[4]
local length = redis.call('XLEN', KEYS[2])
while length > 1 and (length > tonumber(ARGV[5]) or octets > tonumber(ARGV[6])) do
  local first = redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1)[1]
  octets = octets - #first[2][8]
  length = length - redis.call('XDEL', KEYS[2], first[1])
end
redis.call('HSET', KEYS[1], 'e', e, 's', s, 'i', ARGV[3], 'b', octets)
return {1, e, s, ARGV[3], before}
`;

/**
 * ARGV: `e` and `s` as they must be, the new `e`, JSON of all that there is, the new `s`, nothing, and
 * the names of the tables. Answers as above.
 */
export const restoreScript = `
local meta = redis.call('HMGET', KEYS[1], 'e', 's')
local e, s = meta[1] or '', tonumber(meta[2] or 0)
if e ~= ARGV[1] or s ~= tonumber(ARGV[2]) then return {0, e, s, '', '?'} end
for n = 1, #KEYS do redis.call('DEL', KEYS[n]) end
${put}
redis.call('HSET', KEYS[1], 'e', ARGV[3], 's', ARGV[5], 'i', ARGV[3], 'b', 0)
return {1, ARGV[3], tonumber(ARGV[5]), ARGV[3], '?'}
`;
