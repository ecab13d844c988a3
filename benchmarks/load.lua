-- wrk's requests: kind ("single" or "upload"), a name that makes message ids unique, and a pause in ms between requests.
local kind, name, pause = "single", "x", 0
local number = 0
local text = string.rep("value of some property ", 36)
local headers = {
  ["authorization"] = "Basic YmVuY2gtd3JpdGUta2V5Og==",
  ["content-type"] = "application/json",
}
local message = '{"type":"track","messageId":"%s-%d-0b1c2d3e-1111-2222","userId":"user-%d","anonymousId":"a1b2c3d4-1111",'
  .. '"event":"Order Completed","timestamp":"2026-11-23T14:15:52.381Z","properties":{"revenue":20.5,"text":"' .. text
  .. '"},"context":{"library":{"name":"bench","version":"1"}}}'

function init(args)
  kind, name, pause = args[1], args[2], tonumber(args[3])
  name = name .. "-" .. os.time()
  if pause == 0 then delay = nil end
end

local function one()
  number = number + 1
  return string.format(message, name, number, number % 5000)
end

function request()
  if kind == "single" then
    return wrk.format("POST", "/v1/track", headers, one())
  end
  local batch = {}
  for index = 1, 100 do batch[index] = one() end
  local body = '{"batch":[' .. table.concat(batch, ",") .. '],"sentAt":"2026-11-23T14:15:52.381Z"}'
  return wrk.format("POST", "/v1/batch", headers, body)
end

function delay()
  -- Spread, so that the connections do not march in step.
  return pause * 2 * math.random()
end
