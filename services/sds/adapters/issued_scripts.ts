// SPDX-License-Identifier: Apache-2.0
/**
 * What is done with certificates that were issued, in Redis, in one step each. The keys, all with one
 * hash tag: the certificates by serial number, their order, their ends, and the last end by authority;
 * `#` in the last counts certificates.
 * @module
 */

/** Suffixes of the keys, in the order in which the scripts take them. */
export const issuedKeyNames = ["issued", "issued_order", "issued_ends", "issued_last"] as const;

/** ARGV: serial number, text, end in ms and authority of each. What is there already stays. */
export const addIssuedScript = `
for n = 1, #ARGV, 4 do
  if redis.call('HSETNX', KEYS[1], ARGV[n], ARGV[n + 1]) == 1 then
    redis.call('ZADD', KEYS[2], redis.call('HINCRBY', KEYS[4], '#', 1), ARGV[n])
    redis.call('ZADD', KEYS[3], ARGV[n + 2], ARGV[n])
    local last = tonumber(redis.call('HGET', KEYS[4], ARGV[n + 3]) or 0)
    if tonumber(ARGV[n + 2]) > last then redis.call('HSET', KEYS[4], ARGV[n + 3], ARGV[n + 2]) end
  end
end
return 1
`;

/** ARGV: first and last place in the order, newest first. Answers the texts. */
export const listIssuedScript = `
local serials = redis.call('ZREVRANGE', KEYS[2], ARGV[1], ARGV[2])
if #serials == 0 then return {} end
return redis.call('HMGET', KEYS[1], unpack(serials))
`;

/** ARGV: a moment, and how many at most. Forgets what ended before it; answers how many that were. */
export const forgetIssuedScript = `
local ended = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', '(' .. ARGV[1], 'LIMIT', 0, ARGV[2])
for _, serial in ipairs(ended) do
  redis.call('HDEL', KEYS[1], serial)
  redis.call('ZREM', KEYS[2], serial)
  redis.call('ZREM', KEYS[3], serial)
end
return #ended
`;
