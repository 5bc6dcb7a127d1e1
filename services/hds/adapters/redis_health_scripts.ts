// SPDX-License-Identifier: Apache-2.0
/**
 * What replicas do in Redis in one step each. All keys have one hash tag, so that a cluster has them
 * in one place. `meta` counts the writes of verdicts (`v`), of orders and clusters (`o`), and the
 * changes of the history (`h`); `e` tells a Redis that has lost its data from the one before.
 * @module
 */

/** The suffixes of the keys, in the order in which both scripts take them. */
export const keyNames = ["lease", "meta", "verdicts", "orders", "clusters", "history"] as const;

/**
 * ARGV: replica, ms of its lease, a new `e`, then `v`, `o` and `h` as they are known. Takes or renews
 * the lease where that is free or ours; answers its holder, `e`, `v`, `o`, `h` and what is newer.
 */
export const syncScript = `
local holder = redis.call('GET', KEYS[1])
if not holder or holder == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  holder = ARGV[1]
end
redis.call('HSETNX', KEYS[2], 'e', ARGV[3])
local meta = redis.call('HMGET', KEYS[2], 'e', 'v', 'o', 'h')
local v, o, h = tonumber(meta[2] or 0), tonumber(meta[3] or 0), tonumber(meta[4] or 0)
local out = {holder, meta[1], v, o, h, {}, {}, {}, {}}
if v ~= tonumber(ARGV[4]) then out[6] = redis.call('HGETALL', KEYS[3]) end
if o ~= tonumber(ARGV[5]) then
  out[7] = redis.call('HGETALL', KEYS[4])
  out[8] = redis.call('HGETALL', KEYS[5])
end
local newer = h - tonumber(ARGV[6])
if newer > 0 then out[9] = redis.call('LRANGE', KEYS[6], 0, newer - 1) end
return out
`;

/**
 * ARGV: replica, `h` as it is known, changes that are kept, and JSON of what is written. Verdicts and
 * history are written by the holder of the lease only, and history only once if the call is repeated.
 * Answers `v`, `o` and `h`.
 */
export const writeScript = `
local write = cjson.decode(ARGV[4])
local function put(key, fields, gone)
  for field, text in pairs(fields) do redis.call('HSET', key, field, text) end
  for _, field in ipairs(gone) do redis.call('HDEL', key, field) end
end
if write.given then
  put(KEYS[4], write.orders, write.noOrders)
  put(KEYS[5], write.clusters, write.noClusters)
  redis.call('HINCRBY', KEYS[2], 'o', 1)
end
if write.found and redis.call('GET', KEYS[1]) == ARGV[1] then
  put(KEYS[3], write.verdicts, write.noVerdicts)
  redis.call('HINCRBY', KEYS[2], 'v', 1)
  if tonumber(redis.call('HGET', KEYS[2], 'h') or 0) == tonumber(ARGV[2]) then
    for _, change in ipairs(write.changes) do redis.call('LPUSH', KEYS[6], change) end
    redis.call('HINCRBY', KEYS[2], 'h', #write.changes)
    redis.call('LTRIM', KEYS[6], 0, tonumber(ARGV[3]) - 1)
  end
end
local meta = redis.call('HMGET', KEYS[2], 'v', 'o', 'h')
return {tonumber(meta[1] or 0), tonumber(meta[2] or 0), tonumber(meta[3] or 0)}
`;

/** Gives the lease back. ARGV: replica. */
export const releaseScript = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1
`;
