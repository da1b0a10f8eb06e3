/* config_client.c - how HTTP clients say who they are, and the services that targets come from. */
#include "rules/config_int.h"

#include <string.h>

/* ---- clients ---- */

int config__client_holds(struct config_check *c, const char *name, const struct value *v)
{
    bool basic = config__has(v, "basic_auth"), oauth = config__has(v, "oauth2");
    bool authorization = config__has(v, "authorization");
    bool token = config__set(v, "bearer_token"), file = config__set(v, "bearer_token_file");
    const struct value *a = value_get(v, "authorization"), *b = value_get(v, "basic_auth");
    (void)name;
    if (token && file)
        return err_set(c->e, ERR_INVALID,
                       "at most one of bearer_token & bearer_token_file must be configured");
    if ((basic || oauth) && (token || file))
        return err_set(c->e, ERR_INVALID,
                       "at most one of basic_auth, oauth2, bearer_token & "
                       "bearer_token_file must be configured");
    if (basic && (config__set(b, "username") + config__set(b, "username_file") > 1 ||
                  config__set(b, "password") + config__set(b, "password_file") > 1))
        return err_set(c->e, ERR_INVALID,
                       "at most one of basic_auth's text and file must be "
                       "configured");
    if (authorization && (token || file))
        return err_set(c->e, ERR_INVALID,
                       "authorization is not compatible with bearer_token & "
                       "bearer_token_file");
    if (authorization && config__set(a, "credentials") && config__set(a, "credentials_file"))
        return err_set(c->e, ERR_INVALID,
                       "at most one of authorization credentials & "
                       "credentials_file must be configured");
    if (strcmp(config__text(a, "type"), "basic") == 0)
        return err_set(c->e, ERR_INVALID,
                       "authorization type cannot be set to \"basic\", use \"basic_auth\" instead");
    if (basic + oauth + authorization > 1)
        return err_set(c->e, ERR_INVALID,
                       "at most one of basic_auth, oauth2 & authorization must be configured");
    return 0;
}

/* ---- discovery ---- */

enum rule_kind { NEEDS, ONE_OF, NOT_BOTH, EITHER };

/* NEEDS a field that is not empty; ONE_OF: its text is among `with`, absent is the default; of
 * field and `with` NOT_BOTH may be set, or EITHER must be. "%s" in the message is the text. */
static const struct {
    const char *shape;
    enum rule_kind kind;
    const char *field, *with, *message;
} rules[] = {
    {"azure",        ONE_OF,   "authentication_method", " OAuth ManagedIdentity SDK WorkloadIdentity ",
     "unknown authentication_type \"%s\". Supported types are \"OAuth\", \"ManagedIdentity\", "
     "\"SDK\" or \"WorkloadIdentity\""                                                                                                                                   },
    {"azure",        NEEDS,    "subscription_id",       "",                                                   "azure SD configuration requires a subscription_id"        },
    {"digitalocean", ONE_OF,   "role",                  " droplets databases ",                               "unknown role \"%s\""                                      },
    {"dns",          NEEDS,    "names",                 "",                                                   "DNS-SD config must contain at least one SRV record name"  },
    {"dockerswarm",  NEEDS,    "role",                  "",                                                   "role missing (one of: tasks, services, nodes)"            },
    {"dockerswarm",  ONE_OF,   "role",                  " services nodes tasks ",
     "invalid role %s, expected tasks, services, or nodes"                                                                                                               },
    {"dockerswarm",  NEEDS,    "host",                  "",                                                   "host missing"                                             },
    {"docker",       NEEDS,    "host",                  "",                                                   "host missing"                                             },
    {"eureka",       NEEDS,    "server",                "",                                                   "eureka_sd: empty or null eureka server"                   },
    {"file",         NEEDS,    "files",                 "",
     "file service discovery config must contain at least one path name"                                                                                                 },
    {"gce",          NEEDS,    "project",               "",                                                   "GCE SD configuration requires a project"                  },
    {"gce",          NEEDS,    "zone",                  "",                                                   "GCE SD configuration requires a zone"                     },
    {"hetzner",      NEEDS,    "role",                  "",                                                   "role missing (one of: robot, hcloud)"                     },
    {"hetzner",      ONE_OF,   "role",                  " robot hcloud ",                                     "unknown role \"%s\""                                      },
    {"http",         NEEDS,    "url",                   "",                                                   "URL is missing"                                           },
    {"ionos",        NEEDS,    "datacenter_id",         "",                                                   "datacenter id can't be empty"                             },
    {"kubernetes",   NEEDS,    "role",                  "",
     "role missing (one of: pod, service, endpoints, endpointslice, node, ingress)"                                                                                      },
    {"kubernetes",   ONE_OF,   "role",                  " pod service endpoints endpointslice node ingress ",
     "unknown Kubernetes SD role \"%s\""                                                                                                                                 },
    {"kubernetes",   NOT_BOTH, "kubeconfig_file",       "api_server",
     "cannot use 'kubeconfig_file' and 'api_server' simultaneously"                                                                                                      },
    {"kuma",         NEEDS,    "server",                "",                                                   "kuma SD server must not be empty"                         },
    {"marathon",     NEEDS,    "servers",               "",                                                   "marathon_sd: must contain at least one Marathon server"   },
    {"marathon",     NOT_BOTH, "auth_token",            "auth_token_file",
     "marathon_sd: at most one of auth_token & auth_token_file must be configured"                                                                                       },
    {"oci",          ONE_OF,   "auth",                  " api_key instance_principal ",
     "oci_sd: unknown auth method \"%s\", expected \"api_key\" or \"instance_principal\""                                                                                },
    {"openstack",    ONE_OF,   "availability",          " public internal admin ",
     "unknown availability %s, must be one of admin, internal or public"                                                                                                 },
    {"openstack",    NEEDS,    "role",                  "",                                                   "role missing (one of: instance, hypervisor, loadbalancer)"},
    {"openstack",    ONE_OF,   "role",                  " instance hypervisor loadbalancer ",
     "unknown OpenStack SD role \"%s\""                                                                                                                                  },
    {"openstack",    NEEDS,    "region",                "",                                                   "openstack SD configuration requires a region"             },
    {"outscale",     NEEDS,    "region",                "",                                                   "outscale SD configuration requires a region"              },
    {"outscale",     NEEDS,    "access_key",            "",                                                   "outscale SD configuration requires an access_key"         },
    {"outscale",     EITHER,   "secret_key",            "secret_key_file",
     "one of secret_key & secret_key_file must be configured"                                                                                                            },
    {"outscale",     NOT_BOTH, "secret_key",            "secret_key_file",
     "at most one of secret_key & secret_key_file must be configured"                                                                                                    },
    {"ovhcloud",     NEEDS,    "endpoint",              "",                                                   "endpoint can not be empty"                                },
    {"ovhcloud",     NEEDS,    "application_key",       "",                                                   "application key can not be empty"                         },
    {"ovhcloud",     NEEDS,    "application_secret",    "",                                                   "application secret can not be empty"                      },
    {"ovhcloud",     NEEDS,    "consumer_key",          "",                                                   "consumer key can not be empty"                            },
    {"ovhcloud",     ONE_OF,   "service",               " vps dedicated_server ",                             "unknown service: %s"                                      },
    {"puppetdb",     NEEDS,    "url",                   "",                                                   "URL is missing"                                           },
    {"puppetdb",     NEEDS,    "query",                 "",                                                   "query missing"                                            },
    {"scaleway",     NEEDS,    "role",                  "",                                                   "role missing (one of: instance, baremetal)"               },
    {"scaleway",     ONE_OF,   "role",                  " instance baremetal ",                               "unknown role \"%s\""                                      },
    {"scaleway",     NEEDS,    "project_id",            "",                                                   "project_id is mandatory"                                  },
    {"scaleway",     EITHER,   "secret_key",            "secret_key_file",
     "one of secret_key & secret_key_file must be configured"                                                                                                            },
    {"scaleway",     NOT_BOTH, "secret_key",            "secret_key_file",
     "at most one of secret_key & secret_key_file must be configured"                                                                                                    },
    {"scaleway",     NEEDS,    "access_key",            "",                                                   "access_key is mandatory"                                  },
    {"triton",       NEEDS,    "account",               "",                                                   "triton SD configuration requires an account"              },
    {"triton",       NEEDS,    "dns_suffix",            "",                                                   "triton SD configuration requires a dns_suffix"            },
    {"triton",       NEEDS,    "endpoint",              "",                                                   "triton SD configuration requires an endpoint"             },
    {"uyuni",        NEEDS,    "server",                "",                                                   "Uyuni SD configuration requires server host"              },
    {"uyuni",        NEEDS,    "username",              "",                                                   "Uyuni SD configuration requires a username"               },
    {"uyuni",        NEEDS,    "password",              "",                                                   "Uyuni SD configuration requires a password"               },
    {"zookeeper",    NEEDS,    "servers",               "",
     "serverset SD config must contain at least one Zookeeper "
     "server"                                                                                                                                                            },
    {"zookeeper",    NEEDS,    "paths",                 "",                                                   "serverset SD config must contain at least one path"       },
};

static int refuse(struct config_check *c, const char *message, const char *text)
{
    const char *at = strstr(message, "%s");
    if (!at)
        return err_set(c->e, ERR_INVALID, "%s", message);
    return err_set(c->e, ERR_INVALID, "%.*s%s%s", (int)(at - message), message, text, at + 2);
}

static bool among(struct arena *a, const char *text, const char *list)
{
    return strstr(list, arena_printf(a, " %s ", text)) != NULL;
}

static int url_holds(struct config_check *c, const char *url)
{
    const char *host = strstr(url, "://");
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return err_set(c->e, ERR_INVALID, "URL scheme must be 'http' or 'https'");
    if (!host[3] || host[3] == '/')
        return err_set(c->e, ERR_INVALID, "host is missing in URL");
    return 0;
}

static int azure_holds(struct config_check *c, const struct value *v)
{
    static const char *const fields[] = {"tenant_id", "client_id", "client_secret"};
    const char *how = config__text(v, "authentication_method");
    if (*how && strcmp(how, "OAuth") != 0)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (!config__set(v, fields[i]))
            return err_set(c->e, ERR_INVALID, "azure SD configuration requires a %s", fields[i]);
    return 0;
}

static int marathon_holds(struct config_check *c, const struct value *v)
{
    if (!config__set(v, "auth_token") && !config__set(v, "auth_token_file"))
        return 0;
    if (config__has(v, "basic_auth"))
        return err_set(c->e, ERR_INVALID,
                       "marathon_sd: at most one of basic_auth, auth_token & "
                       "auth_token_file must be configured");
    if (config__set(v, "bearer_token") || config__set(v, "bearer_token_file"))
        return err_set(c->e, ERR_INVALID,
                       "marathon_sd: at most one of bearer_token, bearer_token_file, auth_token & "
                       "auth_token_file must be configured");
    if (config__has(v, "authorization"))
        return err_set(c->e, ERR_INVALID,
                       "marathon_sd: at most one of auth_token, "
                       "auth_token_file & authorization must be configured");
    return 0;
}

static int selectors_hold(struct config_check *c, const struct value *v)
{
    static const struct {
        const char *role, *roles, *said;
    } allowed[] = {
        {"pod",           " pod node ",                  "pod, node"                  },
        {"service",       " service ",                   "service"                    },
        {"endpointslice", " pod service endpointslice ", "pod, service, endpointslice"},
        {"endpoints",     " pod service endpoints ",     "pod, service, endpoints"    },
        {"node",          " node ",                      "node"                       },
        {"ingress",       " ingress ",                   "ingress"                    },
    };
    const char *role = config__text(v, "role"), *seen = " ";
    size_t k = 0;
    while (k < ARRAY_LEN(allowed) - 1 && strcmp(allowed[k].role, role) != 0)
        k++;
    VALUE_EACH_ITEM (s, value_get(v, "selectors")) {
        const char *r = config__text(s, "role");
        if (among(c->arena, r, seen))
            return err_set(c->e, ERR_INVALID, "duplicated selector role: %s", r);
        seen = arena_printf(c->arena, "%s%s ", seen, r);
        bool node = strcmp(r, "node") == 0 && value_at_bool(v, "attach_metadata.node", false) &&
                    strncmp(role, "endpoints", 9) == 0;
        if (!among(c->arena, r, allowed[k].roles) && !node)
            return err_set(c->e, ERR_INVALID, "%s role supports only %s selectors", role,
                           allowed[k].said);
        const char *field = config__text(s, "field");
        if (*field && !strchr(field, '='))
            return err_set(c->e, ERR_INVALID, "invalid selector: '%s'; can't understand '%s'",
                           field, field);
    }
    return 0;
}

static int kubernetes_holds(struct config_check *c, const struct value *v)
{
    static const char *const client[] = {"basic_auth",        "authorization", "oauth2",
                                         "bearer_token",      "tls_config",    "proxy_url",
                                         "bearer_token_file", "http_headers"};
    bool file = config__set(v, "kubeconfig_file"), server = config__set(v, "api_server");
    bool own = value_at_bool(v, "namespaces.own_namespace", false), custom = false;
    for (size_t i = 0; i < ARRAY_LEN(client); i++)
        custom |= config__set(v, client[i]);
    if (file && custom)
        return err_set(c->e, ERR_INVALID,
                       "cannot use a custom HTTP client configuration together "
                       "with 'kubeconfig_file'");
    if (!server && !file && custom)
        return err_set(c->e, ERR_INVALID,
                       "to use custom HTTP client configuration please provide "
                       "the 'api_server' URL explicitly");
    if (own && (server || file))
        return err_set(c->e, ERR_INVALID,
                       "cannot use '%s' and 'namespaces.own_namespace' simultaneously",
                       server ? "api_server" : "kubeconfig_file");
    return selectors_hold(c, v);
}

static int own_rules_hold(struct config_check *c, const char *name, const struct value *v)
{
    if (strcmp(name, "azure") == 0)
        return azure_holds(c, v);
    if (strcmp(name, "marathon") == 0)
        return marathon_holds(c, v);
    if (strcmp(name, "kubernetes") == 0)
        return kubernetes_holds(c, v);
    if (strcmp(name, "http") == 0 || strcmp(name, "puppetdb") == 0)
        return url_holds(c, config__text(v, "url"));
    if (strcmp(name, "eureka") == 0 && url_holds(c, config__text(v, "server")) < 0)
        return err_set(c->e, ERR_INVALID, "invalid eureka server URL");
    VALUE_EACH_ITEM (f, value_get(v, "filters"))
        if (strcmp(name, "aws") == 0 && !value_count(value_get(f, "values")))
            return err_set(c->e, ERR_INVALID, "EC2 SD configuration filter values cannot be empty");
    return 0;
}

int config__discovery_holds(struct config_check *c, const char *name, const struct value *v)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (strcmp(rules[i].shape, name) != 0)
            continue;
        bool set = config__set(v, rules[i].field), other = config__set(v, rules[i].with);
        const char *text = config__text(v, rules[i].field);
        bool bad = rules[i].kind == NEEDS      ? !set
                   : rules[i].kind == EITHER   ? !set && !other
                   : rules[i].kind == NOT_BOTH ? set && other
                                               : set && !among(c->arena, text, rules[i].with);
        if (bad)
            return refuse(c, rules[i].message, text);
    }
    return own_rules_hold(c, name, v);
}
