#define SHANNON_JSON_TEMPLATE template
#include "protocols/json_templates.hpp"
