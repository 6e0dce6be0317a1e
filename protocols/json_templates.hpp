#pragma once

#include <nlohmann/json.hpp>

#include <map>
#include <string>
#include <vector>

/// What every source that reads or writes JSON would otherwise compile for
/// itself, a second and 2 MB each: compiled once, in json_templates.cpp. Stands
/// among the precompiled headers, so no source includes it; whoever is compiled
/// without them is as right, and slower.
#ifndef SHANNON_JSON_TEMPLATE
#  define SHANNON_JSON_TEMPLATE extern template
#endif

namespace std {

SHANNON_JSON_TEMPLATE class vector<nlohmann::json>;
SHANNON_JSON_TEMPLATE class vector<nlohmann::json*>;
SHANNON_JSON_TEMPLATE class map<string, nlohmann::json, less<>>;
SHANNON_JSON_TEMPLATE class vector<nlohmann::ordered_json>;

} // namespace std

namespace nlohmann {

SHANNON_JSON_TEMPLATE class basic_json<>;
SHANNON_JSON_TEMPLATE class basic_json<ordered_map>;

namespace detail {

// By what they read: a string, or a view of one.
using string_input = iterator_input_adapter<std::string::const_iterator>;
using view_input = iterator_input_adapter<const char*>;

SHANNON_JSON_TEMPLATE class serializer<json>;
SHANNON_JSON_TEMPLATE class serializer<ordered_json>;
SHANNON_JSON_TEMPLATE class json_sax_dom_parser<json>;
SHANNON_JSON_TEMPLATE class json_sax_dom_callback_parser<json>;
SHANNON_JSON_TEMPLATE class lexer<json, string_input>;
SHANNON_JSON_TEMPLATE class lexer<json, view_input>;
SHANNON_JSON_TEMPLATE class parser<json, string_input>;
SHANNON_JSON_TEMPLATE class parser<json, view_input>;
SHANNON_JSON_TEMPLATE bool parser<json, string_input>::sax_parse_internal(
    json_sax_dom_parser<json>*);
SHANNON_JSON_TEMPLATE bool parser<json, string_input>::sax_parse_internal(
    json_sax_dom_callback_parser<json>*);
SHANNON_JSON_TEMPLATE bool parser<json, view_input>::sax_parse_internal(
    json_sax_dom_parser<json>*);
SHANNON_JSON_TEMPLATE bool parser<json, view_input>::sax_parse_internal(
    json_sax_dom_callback_parser<json>*);

} // namespace detail

} // namespace nlohmann
