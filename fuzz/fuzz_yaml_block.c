/* What the quick reader tells to the end is what libyaml tells: the same events, texts, styles and
 * places. */
#include "fuzz.h"

#include "codec/yaml_block_int.h"

static void same_text(const yaml_event_t *a, const yaml_event_t *b)
{
    MUST(a->data.scalar.length == b->data.scalar.length);
    MUST(memcmp(a->data.scalar.value, b->data.scalar.value, a->data.scalar.length) == 0);
    MUST(a->data.scalar.style == b->data.scalar.style);
    MUST(a->data.scalar.plain_implicit == b->data.scalar.plain_implicit);
    MUST(!b->data.scalar.anchor && !b->data.scalar.tag);
}

static int is_libyamls(void *arg, const yaml_event_t *event)
{
    yaml_event_t other;
    MUST(yaml_parser_parse(arg, &other));
    MUST(event->type == other.type);
    if (event->type == YAML_SCALAR_EVENT)
        same_text(event, &other);
    if (event->type == YAML_MAPPING_START_EVENT)
        MUST(event->data.mapping_start.style == other.data.mapping_start.style);
    if (event->type == YAML_SEQUENCE_START_EVENT)
        MUST(event->data.sequence_start.style == other.data.sequence_start.style);
    if (event->type == YAML_SCALAR_EVENT || event->type == YAML_MAPPING_START_EVENT ||
        event->type == YAML_SEQUENCE_START_EVENT) {
        MUST(event->start_mark.line == other.start_mark.line);
        MUST(event->start_mark.column == other.start_mark.column);
    }
    yaml_event_delete(&other);
    return 0;
}

static int ignore(void *arg, const yaml_event_t *event)
{
    (void)arg, (void)event;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    yaml_parser_t parser;
    yaml_event_t begin;
    if (!yaml__block_events((const char *)data, size, ignore, NULL))
        return 0;
    MUST(yaml_parser_initialize(&parser));
    yaml_parser_set_input_string(&parser, data, size);
    MUST(yaml_parser_parse(&parser, &begin) && begin.type == YAML_STREAM_START_EVENT);
    yaml_event_delete(&begin);
    MUST(yaml__block_events((const char *)data, size, is_libyamls, &parser));
    yaml_parser_delete(&parser);
    return 0;
}
