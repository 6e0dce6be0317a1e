#include "actors/gateway/routes/openapi.hpp"

#include "actors/gateway/routes/openapi_answers.hpp"
#include "actors/gateway/routes/routes.hpp"
#include "actors/gateway/text/answers.hpp"
#include "actors/kit/http_text.hpp"
#include "embedded/api_schemas.hpp"

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

namespace shannon::gateway {

namespace {

json_out schema_of(std::string_view name) {
  json_out schema;
  schema["$ref"] = "#/components/schemas/" + std::string{name};
  return schema;
}

json_out json_content(std::string_view schema) {
  json_out content;
  content["application/json"]["schema"] = schema_of(schema);
  return content;
}

/// `{path...}` is written `{path}`: OpenAPI has no word for it.
std::string path_of(std::string_view pattern) {
  std::string path{pattern};
  if (auto at = path.find("...}"); at != std::string::npos)
    path.erase(at, 3);
  return path;
}

json_out parameter(std::string_view name, std::string_view in, bool required,
                   std::string_view text) {
  json_out one;
  one["name"] = name;
  one["in"] = in;
  one["required"] = required;
  if (!text.empty())
    one["description"] = text;
  one["schema"]["type"] = "string";
  return one;
}

json_out parameters_of(const route& line) {
  auto all = json_out::array();
  auto path = path_of(line.pattern);
  for (auto at = path.find('{'); at != std::string::npos;
       at = path.find('{', at + 1))
    all.push_back(parameter(path.substr(at + 1, path.find('}', at) - at - 1),
                            "path", true, ""));
  for (const auto& one : line.asks)
    if (!one.name.empty())
      all.push_back(parameter(one.name, "query", one.required, one.text));
  if (line.repeated != repeats::as_new)
    all.push_back(parameter("Idempotency-Key", "header", false,
                            "A repeat under the same key meets the same "
                            "answer; another body under it is refused"));
  return all;
}

json_out security_of(const route& line) {
  auto all = json_out::array();
  if (line.who == access::anybody)
    return all;
  for (const char* scheme : {"apiKey", "bearer"}) {
    json_out one;
    one[scheme] = json_out::array();
    all.push_back(std::move(one));
  }
  return all;
}

/// `get_api_v1_tasks_id`: unique, and the same in every build.
std::string operation_id(std::string_view method, std::string_view path) {
  std::string id{method};
  for (char c : path)
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      id += c;
    else if (id.back() != '_')
      id += '_';
  while (id.back() == '_')
    id.pop_back();
  return id;
}

json_out operation(const route& line, std::string_view method) {
  json_out one;
  one["operationId"] = operation_id(method, line.pattern);
  one["summary"] = line.summary;
  one["tags"] = json_out::array({line.tag});
  if (!line.scope.empty())
    one["description"] = "Needs the scope `" + std::string{line.scope} + "`.";
  one["security"] = security_of(line);
  if (auto parameters = parameters_of(line); !parameters.empty())
    one["parameters"] = std::move(parameters);
  if (!line.takes.empty())
    one["requestBody"]["content"] = json_content(line.takes);
  one["responses"] = answers_of(line);
  return one;
}

json_out components() {
  json_out all;
  all["schemas"] = json_out::parse(embedded::api_schemas().front().second);
  all["headers"] = header_components();
  auto& schemes = all["securitySchemes"];
  schemes["apiKey"]
      = {{"type", "apiKey"}, {"in", "header"}, {"name", "X-API-Key"}};
  schemes["bearer"] = {{"type", "http"}, {"scheme", "bearer"}};
  return all;
}

} // namespace

json_out openapi_document() {
  json_out doc;
  doc["openapi"] = "3.1.0";
  doc["info"] = {{"title", "Shannon"}, {"version", SHANNON_VERSION}};
  for (const auto& line : routes()) {
    if (line.by == doors::admin)
      continue;
    auto method = line.method.empty() ? "get" : kit::lower_letters(line.method);
    doc["paths"][path_of(line.pattern)][method] = operation(line, method);
  }
  doc["components"] = components();
  return doc;
}

http_response openapi_answer() {
  static const auto answer = json_answer(200, openapi_document());
  return answer;
}

} // namespace shannon::gateway
