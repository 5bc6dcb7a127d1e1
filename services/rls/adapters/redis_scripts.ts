// SPDX-License-Identifier: Apache-2.0
/**
 * What Redis does in one step. The first script is the whole of the common case, fixed windows
 * charged one by one; the second does in Redis, in the same steps, what domain/algorithms does in
 * memory: one contract suite holds both to the same answers.
 * @module
 */
import { createHash } from "node:crypto";

/** A script and the name under which Redis knows it once it is loaded. */
export interface RedisScript {
  /** Lua. */
  readonly text: string;
  /** SHA-1 of the text in hex. */
  readonly sha: string;
}

/**
 * Charges fixed windows, in groups of keys that live equally long. ARGV: per group the seconds to live,
 * how many keys it has, and how many of them do not have one hit: of each of these its place in the
 * group, from 1, and its hits. Answers the count per key, or Redis's words of error. The time to live is
 * set when the counter begins, as it cannot outlive it; but where those seconds are negative, a shorter
 * window may have begun the counter, and it is made to live as long as this one.
 */
export const fixedWindowScript: RedisScript = script(`
local out = {}
local function charge(i, hits, ttl)
  local key = KEYS[i]
  local after = redis.pcall('INCRBY', key, hits)
  if type(after) == 'table' then
    -- A counter that cannot grow any more is over every limit.
    if string.find(after.err, 'overflow') then after = 9e15 else after = after.err end
  elseif ttl < 0 then
    if redis.call('TTL', key) < -ttl then redis.call('EXPIRE', key, -ttl) end
  elseif after == tonumber(hits) then
    redis.call('EXPIRE', key, ttl)
  end
  out[i] = after
end
local before, arg = 0, 1
while arg <= #ARGV do
  local ttl, count, others = tonumber(ARGV[arg]), tonumber(ARGV[arg + 1]), tonumber(ARGV[arg + 2])
  local hits = {}
  arg = arg + 3
  for _ = 1, others do
    hits[tonumber(ARGV[arg])] = ARGV[arg + 1]
    arg = arg + 2
  end
  for place = 1, count do charge(before + place, hits[place] or '1', ttl) end
  before = before + count
end
return out
`);

/**
 * Charges groups of counters of any algorithm. ARGV: per group its mode (each, all, over, read,
 * reset), number of charges and time in ms, and per charge: algorithm (f, s, t), window in
 * seconds, limit, capacity, hits, 1 for a refund, seconds to live. Answers per charge: count, 1 if
 * over, remaining, ms until the reset; or for a whole group Redis's words of error.
 */
export const chargeScript: RedisScript = script(`
local now
local at, key_at = 1, 1
local out, cells, touched = {}, {}, {}
local floor, max, min, ceil = math.floor, math.max, math.min, math.ceil

local function text(number) return string.format('%.0f', number) end

local kinds = { f = {}, s = {}, t = {} }

function kinds.f.load(cell, stored)
  cell.exists = stored ~= false
  cell.count = tonumber(stored or '0')
  cell.was = cell.count
end
function kinds.f.fits(cell, charge) return cell.count + cell.pending + charge.hits <= charge.limit end
function kinds.f.settle(cell, charge)
  local window = charge.window
  local rest = (floor(floor(now / 1000) / window) + 1) * window - floor(now / 1000)
  if rest > (cell.rest or 0) then cell.rest, cell.ttl = rest, charge.ttl end
end
function kinds.f.add(cell, charge) cell.count = cell.count + charge.hits end
function kinds.f.refund(cell, charge) cell.count = max(0, cell.count - charge.hits) end
function kinds.f.describe(cell, charge, over)
  local window = charge.window
  local start = floor(floor(now / 1000) / window) * window
  return cell.count, max(0, charge.limit - cell.count), (start + window) * 1000 - now
end
function kinds.f.save(cell)
  if cell.count == cell.was then return end
  redis.call('INCRBY', cell.key, text(cell.count - cell.was))
  -- Also one that a shorter window began, which has the same name, lives until the end of this one.
  if not cell.exists or redis.call('TTL', cell.key) < cell.rest then
    redis.call('EXPIRE', cell.key, cell.ttl)
  end
end

function kinds.s.load(cell, stored)
  cell.units, cell.total, cell.newest, cell.gone, cell.changed = {}, 0, 0, {}, {}
  for i = 1, #stored, 2 do
    local part, units = tonumber(stored[i]), tonumber(stored[i + 1])
    cell.units[part] = units
    cell.total = cell.total + units
    cell.newest = max(cell.newest, part)
  end
end
function kinds.s.settle(cell, charge)
  cell.part_ms = charge.window * 100
  local part = floor(now / cell.part_ms)
  if part > cell.newest then
    cell.newest = part
    cell.changed[part] = true
  end
  for old, units in pairs(cell.units) do
    if old < cell.newest - 10 then
      cell.total = cell.total - units
      cell.gone[#cell.gone + 1] = text(old)
    end
  end
  for i = 1, #cell.gone do cell.units[tonumber(cell.gone[i])] = nil end
  cell.clock = max(now, cell.newest * cell.part_ms)
end
function kinds.s.fits(cell, charge) return cell.total + cell.pending + charge.hits <= charge.limit end
function kinds.s.add(cell, charge)
  cell.units[cell.newest] = (cell.units[cell.newest] or 0) + charge.hits
  cell.total = cell.total + charge.hits
  cell.changed[cell.newest] = true
end
function kinds.s.refund(cell, charge)
  local left = charge.hits
  for part = cell.newest - 10, cell.newest do
    local taken = min(left, cell.units[part] or 0)
    if taken > 0 then
      cell.units[part] = cell.units[part] - taken
      cell.changed[part] = true
      cell.total = cell.total - taken
      left = left - taken
    end
  end
end
function kinds.s.describe(cell, charge, over)
  local reset, freed, wanted = 0, 0, min(1, cell.total)
  if over then wanted = cell.total + charge.hits - charge.limit end
  if over and charge.hits > charge.limit then
    reset = charge.window * 1000
  else
    for part = cell.newest - 10, cell.newest do
      if freed >= wanted then break end
      freed = freed + (cell.units[part] or 0)
      if freed >= wanted then reset = (part + 11) * cell.part_ms - cell.clock end
    end
  end
  return cell.total, max(0, charge.limit - cell.total), reset
end
function kinds.s.save(cell)
  local fields = {}
  for part in pairs(cell.changed) do
    fields[#fields + 1] = text(part)
    fields[#fields + 1] = text(cell.units[part] or 0)
  end
  if #fields > 0 then redis.call('HSET', cell.key, unpack(fields)) end
  if #cell.gone > 0 then redis.call('HDEL', cell.key, unpack(cell.gone)) end
  redis.call('PEXPIRE', cell.key, text(11 * cell.part_ms + 1000))
end

function kinds.t.load(cell, stored)
  local level, last = string.match(stored or '0 0', '^(%d+) (%d+)$')
  cell.level, cell.last = tonumber(level), tonumber(last)
end
function kinds.t.settle(cell, charge)
  cell.window, cell.limit = charge.window * 1000, charge.limit
  if now <= cell.last then return end
  cell.level = max(0, cell.level - (now - cell.last) * charge.limit)
  cell.last = now
end
function kinds.t.fits(cell, charge)
  return cell.level + (cell.pending + charge.hits) * cell.window <= charge.capacity * cell.window
end
function kinds.t.add(cell, charge) cell.level = cell.level + charge.hits * cell.window end
function kinds.t.refund(cell, charge) cell.level = max(0, cell.level - charge.hits * cell.window) end
function kinds.t.describe(cell, charge, over)
  local free, reset = charge.capacity * cell.window - cell.level, 0
  if charge.limit == 0 or (over and charge.hits > charge.capacity) then
    if over then reset = cell.window end
  elseif over then
    reset = ceil((charge.hits * cell.window - free) / charge.limit)
  elseif cell.level > 0 then
    reset = ceil(((floor(free / cell.window) + 1) * cell.window - free) / charge.limit)
  end
  return ceil(cell.level / cell.window), max(0, floor(free / cell.window)), reset
end
function kinds.t.save(cell)
  local live = cell.window
  if cell.limit > 0 then live = ceil(cell.level / cell.limit) end
  redis.call('SET', cell.key, text(cell.level) .. ' ' .. text(cell.last), 'PX', text(live + 1000))
end

local function open(kind, key)
  if cells[key] then return cells[key] end
  local stored = redis.pcall(kind == 's' and 'HGETALL' or 'GET', key)
  if type(stored) == 'table' and stored.err then return nil, stored.err end
  local cell = { key = key, kind = kinds[kind], pending = 0 }
  if not pcall(cell.kind.load, cell, stored) or (cell.count or cell.total or cell.level) == nil then
    return nil, 'ERR value is not a counter'
  end
  cells[key] = cell
  return cell
end

local function put(charge, over)
  local count, remaining, reset = charge.cell.kind.describe(charge.cell, charge, over)
  out[#out + 1] = count
  out[#out + 1] = over and 1 or 0
  out[#out + 1] = remaining
  out[#out + 1] = reset
end

local function charge_one(charge)
  local cell = charge.cell
  cell.kind.settle(cell, charge)
  if charge.refund then
    cell.kind.refund(cell, charge)
    return put(charge, false)
  end
  local over = not cell.kind.fits(cell, charge)
  if not over or cell.kind == kinds.f then cell.kind.add(cell, charge) end
  put(charge, over)
end

local function charge_together(charges, mode)
  local any = false
  for _, charge in ipairs(charges) do
    local cell = charge.cell
    cell.kind.settle(cell, charge)
    charge.over = not charge.refund and not cell.kind.fits(cell, charge)
    if charge.over then any = true
    elseif not charge.refund and mode == 'all' then cell.pending = cell.pending + charge.hits end
  end
  for _, charge in ipairs(charges) do charge.cell.pending = 0 end
  for _, charge in ipairs(charges) do
    if not any or (mode == 'over' and charge.over) then charge_one(charge)
    elseif mode == 'over' then
      charge.hits, charge.refund = 0, false
      charge_one(charge)
    else put(charge, charge.over) end
  end
end

local function take(mode)
  local charge = {
    kind = ARGV[at], window = tonumber(ARGV[at + 1]), limit = tonumber(ARGV[at + 2]),
    capacity = tonumber(ARGV[at + 3]), hits = tonumber(ARGV[at + 4]),
    refund = ARGV[at + 5] == '1', ttl = ARGV[at + 6],
  }
  local key, err = KEYS[key_at], nil
  at, key_at = at + 7, key_at + 1
  if mode == 'reset' then
    redis.call('DEL', key)
    cells[key], touched[key] = nil, nil
  end
  charge.cell, err = open(charge.kind, key)
  return charge, err
end

while at <= #ARGV do
  local mode, count, charges, failure = ARGV[at], tonumber(ARGV[at + 1]), {}, nil
  now = tonumber(ARGV[at + 2])
  at = at + 3
  for i = 1, count do
    local charge, err = take(mode)
    charges[i], failure = charge, failure or err
  end
  if failure then
    out[#out + 1] = failure
  else
    if mode == 'each' or mode == 'read' or mode == 'reset' then
      for _, charge in ipairs(charges) do charge_one(charge) end
    else
      charge_together(charges, mode)
    end
    if mode ~= 'read' and mode ~= 'reset' then
      for _, charge in ipairs(charges) do touched[charge.cell.key] = charge.cell end
    end
  end
end
for _, cell in pairs(touched) do cell.kind.save(cell) end
return out
`);

/** Returns a script of a text. */
export function script(text: string): RedisScript {
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}
