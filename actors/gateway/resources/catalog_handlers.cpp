#include "actors/gateway/resources/catalog_handlers.hpp"

#include "actors/gateway/resources/catalog_requests.hpp"
#include "actors/gateway/resources/session_json.hpp"
#include "actors/gateway/resources/skills.hpp"
#include "actors/gateway/text/identifiers.hpp"
#include "actors/gateway/text/query_string.hpp"
#include "protocols/remote/tool.pb.h"
#include "protocols/sessions.hpp"

#include <chrono>
#include <string>
#include <utility>

namespace shannon::gateway {

namespace {

using namespace std::chrono_literals;

constexpr auto list_patience = 10s;
/// As long as the longest run may take, and its way.
constexpr auto run_patience = 130s;

http_response tools_away() {
  return error_answer(502, "Tool service unavailable");
}

std::string parameter(const call_ptr& request, const char* name) {
  auto query = query_string::parse(request->request().query);
  return query ? query->get(name) : std::string{};
}

// -- skills -------------------------------------------------------------------

void tell_skill(const call_ptr& request) {
  const auto* found = find_skill(request->id());
  found ? request->answer(200, skill_detail(*found))
        : request->answer(error_answer(404, "Skill not found"));
}

void tell_versions(const call_ptr& request) {
  auto versions = skill_versions(request->id());
  versions.is_null() ? request->answer(error_answer(404, "Skill not found"))
                     : request->answer(200, versions);
}

// -- agents of fixed input ----------------------------------------------------

void tell_agents(const call_ptr& request) {
  json_out body;
  body["agents"] = json_out::array();
  body["count"] = 0;
  request->answer(200, body);
}

void tell_no_agent(const call_ptr& request) {
  request->answer(error_answer(404, "Agent not found: " + request->id()));
}

// -- tools --------------------------------------------------------------------

template <class F>
void with_tools(desk& gateway, const call_ptr& request, F then) {
  gateway.ask<remote::ToolList>(
      {"tool"}, remote::ListTools{}, list_patience,
      [request, then = std::move(then)](const result<remote::ToolList>& got) {
        got ? then(*got) : request->answer(tools_away());
      });
}

/// Gives `then` the tool that the path names, if a client may run it.
template <class F>
void with_tool(desk& gateway, const call_ptr& request, F then) {
  with_tools(gateway, request,
             [request, then = std::move(then)](const remote::ToolList& all) {
               const auto* tool = find_tool(all, request->id());
               if (!tool)
                 return request->answer(error_answer(
                     404, "Tool '" + request->id() + "' not found"));
               if (!is_direct_tool(tool->name()))
                 return request->answer(error_answer(
                     403, "Tool not available via direct execution"));
               then(*tool);
             });
}

void run(desk& gateway, const call_ptr& request, const std::string& tool,
         const tool_call& call) {
  remote::ToolRun run;
  auto& context = *run.mutable_context();
  context.set_attempt_key("gateway/" + random_uuid());
  context.set_tenant(request->who().tenant.value);
  context.set_user(request->who().user.value);
  context.set_session(call.session);
  run.mutable_request()->set_tool(tool);
  run.mutable_request()->set_arguments_json(call.arguments_json);
  gateway.ask<remote::ToolResult>(
      {"tool"}, std::move(run), run_patience,
      [request](const result<remote::ToolResult>& got) {
        if (got)
          return request->answer(200, tool_result_json(*got));
        got.error().code == errc::overloaded ? request->answer(got.error())
                                             : request->answer(tools_away());
      });
}

/// A session named by its id works in the folder of its name. One that is not
/// there yet is begun under this id by whatever comes next.
template <class F>
void with_session_name(desk& gateway, const call_ptr& request,
                       const std::string& given, F then) {
  if (!is_uuid(given))
    return then(given);
  const auto& who = request->who();
  auto id = session_ids_of(who.tenant, who.user, given).id;
  gateway.ask<sessions::session>({"records"},
                                 sessions::find{who.tenant, who.user, id},
                                 gateway.settings().ask_timeout,
                                 [request, id, then = std::move(then)](
                                     const result<sessions::session>& got) {
                                   if (got)
                                     then(got->name.value);
                                   else if (got.error().code == errc::not_found)
                                     then(id);
                                   else
                                     request->answer(got.error());
                                 });
}

void execute(desk& gateway, const call_ptr& request) {
  auto call
      = read_tool_call(request->request(), gateway.settings().json_depth_max);
  if (!call)
    return request->answer(std::move(call.error()));
  with_tool(gateway, request,
            [&gateway, request,
             call = std::move(*call)](const remote::ToolSpec& tool) {
              with_session_name(
                  gateway, request, call.session,
                  [&gateway, request, call,
                   name = tool.name()](const std::string& session) {
                    run(gateway, request, name, {call.arguments_json, session});
                  });
            });
}

} // namespace

void add_catalog_handlers(handler_table& table, desk& gateway) {
  using enum endpoint;
  table.set(list_skills, [](auto& call) {
    call->answer(200, skills_json(parameter(call, "category")));
  });
  table.set(get_skill, [](auto& call) { tell_skill(call); });
  table.set(get_skill_versions, [](auto& call) { tell_versions(call); });
  table.set(list_agents, [](auto& call) { tell_agents(call); });
  table.set(get_agent, [](auto& call) { tell_no_agent(call); });
  table.set(run_agent, [](auto& call) { tell_no_agent(call); });
  table.set(list_tools, [&gateway](auto& call) {
    with_tools(gateway, call, [call](const remote::ToolList& all) {
      call->answer(200, tools_json(all, parameter(call, "category")));
    });
  });
  table.set(get_tool, [&gateway](auto& call) {
    with_tool(gateway, call, [call](const remote::ToolSpec& tool) {
      call->answer(200, tool_detail(tool));
    });
  });
  table.set(run_tool, [&gateway](auto& call) { execute(gateway, call); });
}

} // namespace shannon::gateway
