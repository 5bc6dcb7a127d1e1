// SPDX-License-Identifier: Apache-2.0
/**
 * What replicas do with a node in Redis in one step each. A node is a hash: `owner`, the replica that
 * has it; `open`, whether that has a stream of it; and its totals. `replicas` says until when each
 * replica counts as there (ms, by the clock of Redis), `wanted` which node (`<owner> <id>`) another asks
 * for, `epoch` tells a Redis that has lost its data from the one before. All keys have one hash tag, so that a cluster has them in one place.
 * @module
 */

const now = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/**
 * KEYS: node, replicas, wanted, epoch. ARGV: replica, id of the node, `newest`, `idle` or `force`, ms until
 * the node is forgotten, the epoch as it is known, 1 where others may still write what was lost. Takes the
 * node, or asks its owner for it, if that is there; `idle` does not ask for one of which the owner has a
 * stream. A node that nobody knows may be one that was lost. Answers `taken` with totals, `asked` or `refused`.
 */
export const claimScript = `${now}
local owner = redis.call('HGET', KEYS[1], 'owner') or ''
local isThere = owner ~= '' and owner ~= ARGV[1] and
  tonumber(redis.call('HGET', KEYS[2], owner) or 0) > now
if isThere and ARGV[3] == 'idle' and redis.call('HGET', KEYS[1], 'open') == '1' then
  return {'refused'}
end
if isThere and ARGV[3] ~= 'force' then
  redis.call('HSET', KEYS[3], owner .. ' ' .. ARGV[2], ARGV[1])
  return {'asked'}
end
local isLost = ARGV[6] == '1' or (ARGV[5] ~= '' and redis.call('GET', KEYS[4]) ~= ARGV[5])
if isLost and ARGV[3] ~= 'force' and redis.call('EXISTS', KEYS[1]) == 0 then return {'asked'} end
redis.call('HDEL', KEYS[3], owner .. ' ' .. ARGV[2])
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'open', '1')
redis.call('PEXPIRE', KEYS[1], ARGV[4])
local found = redis.call('HMGET', KEYS[1], 'about', 'names', 'totals')
return {'taken', found[1] or '', found[2] or '', found[3] or ''}
`;

/**
 * KEYS: node. ARGV: replica, its owner from now on, 1 for an open stream, JSON of what is known of the
 * node, JSON of the names of its series or nothing where they are as they were, JSON of totals, ms until
 * it is forgotten. Answers `kept`, `lost` to another owner, or `names` where those are needed.
 */
export const saveScript = `
local owner = redis.call('HGET', KEYS[1], 'owner')
if owner and owner ~= ARGV[1] then return 'lost' end
if ARGV[5] == '' and redis.call('HEXISTS', KEYS[1], 'names') == 0 then return 'names' end
redis.call('HSET', KEYS[1], 'owner', ARGV[2], 'open', ARGV[3], 'about', ARGV[4], 'totals', ARGV[6])
if ARGV[5] ~= '' then redis.call('HSET', KEYS[1], 'names', ARGV[5]) end
redis.call('PEXPIRE', KEYS[1], ARGV[7])
return 'kept'
`;

/** Gives a node away without totals. KEYS: node. ARGV: replica. */
export const giveScript = `
if redis.call('HGET', KEYS[1], 'owner') == ARGV[1] then
  redis.call('HSET', KEYS[1], 'owner', '', 'open', '0')
end
return 1
`;

/**
 * KEYS: replicas, wanted, epoch. ARGV: replica, ms for which it counts as there, a new epoch. Answers 1 if
 * it did not count as there before, the ids of its nodes that others want, and the epoch.
 */
export const beatScript = `${now}
local before = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or 0)
redis.call('HSET', KEYS[1], ARGV[1], now + ARGV[2])
local all = redis.call('HGETALL', KEYS[1])
for n = 1, #all, 2 do
  if tonumber(all[n + 1]) < now - 3600000 then redis.call('HDEL', KEYS[1], all[n]) end
end
local mine = ARGV[1] .. ' '
local wanted = {}
for _, field in ipairs(redis.call('HKEYS', KEYS[2])) do
  if string.sub(field, 1, #mine) == mine then
    table.insert(wanted, string.sub(field, #mine + 1))
    redis.call('HDEL', KEYS[2], field)
  end
end
redis.call('SETNX', KEYS[3], ARGV[3])
return {before < now and 1 or 0, wanted, redis.call('GET', KEYS[3])}
`;

/** KEYS: replicas. ARGV: replica, which is there no more. */
export const leaveScript = `return redis.call('HDEL', KEYS[1], ARGV[1])`;
