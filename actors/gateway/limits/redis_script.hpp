#pragma once

#include <string_view>

namespace shannon::gateway {

/// KEYS are buckets, ARGV of each how many tokens it holds and the seconds
/// until it is full. Answers which bucket refuses (from 1; 0: none) and for how
/// many milliseconds, then the whole tokens left in each.
inline constexpr std::string_view redis_script = R"(
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local tokens, by, wait = {}, 0, 0
for i, key in ipairs(KEYS) do
  local most, ms = tonumber(ARGV[2 * i - 1]), ARGV[2 * i] * 1000
  local had = redis.call('HMGET', key, 't', 'a')
  tokens[i] = most
  if had[1] and had[2] then
    local gone = math.max(0, now - had[2])
    tokens[i] = math.min(most, had[1] + gone * most / ms)
  end
  if tokens[i] < 1 then
    local until_one = math.ceil((1 - tokens[i]) * ms / most)
    if until_one > wait then
      by, wait = i, until_one
    end
  end
end
local out = {by, wait}
for i, key in ipairs(KEYS) do
  if by == 0 then
    tokens[i] = tokens[i] - 1
    redis.call('HSET', key, 't', string.format('%.6f', tokens[i]), 'a', now)
    redis.call('PEXPIRE', key, ARGV[2 * i] * 1000)
  end
  out[i + 2] = math.floor(tokens[i])
end
return out
)";

} // namespace shannon::gateway
