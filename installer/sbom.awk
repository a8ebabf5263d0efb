# The bill of materials of one binary, as CycloneDX 1.6 JSON.
#
# In this order: Cargo.lock, what is linked in (`cargo tree`, normal edges without macros), and the whole tree with what
# only runs while building; the trees with `--prefix depth --format ' {p}|{l}'`. Variables: name, version, target, stamp.
#
# Why not cargo-cyclonedx: it writes the build machine's paths into every reference to a crate of the workspace, so that
# two builds of one commit differ, and it would have to be compiled on every machine that makes a release.

function quoted(text) {
    gsub(/\\/, "\\\\", text)
    gsub(/"/, "\\\"", text)
    return "\"" text "\""
}

function value(line) {
    sub(/^[^"]*"/, "", line)
    sub(/"[^"]*$/, "", line)
    return line
}

FNR == 1 { file++ }

file == 1 && /^name = / { lock_name = value($0) }
file == 1 && /^version = / { lock_version = value($0) }
file == 1 && /^source = / { from_registry[lock_name "@" lock_version] = $0 ~ /"registry\+/ }
file == 1 && /^checksum = / { checksum[lock_name "@" lock_version] = value($0) }
file == 1 { next }

# `3 actix v0.13.5 (*)|MIT OR Apache-2.0`; headings of groups have no version.
!/^[0-9]+ [^ ]+ v[0-9]/ { next }
{
    line = $0
    depth = line + 0
    sub(/^[0-9]+ /, "", line)
    split(line, part, "|")
    split(part[1], word, " ")
    id = word[1] "@" substr(word[2], 2)
    sub(/ \(\*\)$/, "", part[2])
    if (file == 2) linked[id] = 1
    if (file == 3) {
        if (!(id in licence)) ids[++count] = id
        licence[id] = part[2]
        at[depth] = id
        if (depth == 0) root = id
        else if (!((at[depth - 1], id) in edge)) {
            edge[at[depth - 1], id] = 1
            needs[at[depth - 1]] = needs[at[depth - 1]] " " id
        }
    }
}

function sort(list, size,    i, j, moved) {
    for (i = 2; i <= size; i++) {
        moved = list[i]
        for (j = i - 1; j >= 1 && list[j] > moved; j--) list[j + 1] = list[j]
        list[j + 1] = moved
    }
}

# An old way of writing OR; what is no expression of SPDX is told as text.
function licences(text) {
    gsub(/ *\/ */, " OR ", text)
    if (text == "") return ""
    return ", \"licenses\": [{\"expression\": " quoted(text) "}]"
}

function component(id,    part, out) {
    split(id, part, "@")
    out = "    {\"type\": \"library\", \"bom-ref\": " quoted(id) ", \"name\": " quoted(part[1]) ", \"version\": " quoted(part[2])
    out = out ", \"scope\": " (id in linked ? "\"required\"" : "\"excluded\"")
    if (id in checksum) out = out ", \"hashes\": [{\"alg\": \"SHA-256\", \"content\": " quoted(checksum[id]) "}]"
    out = out licences(licence[id])
    # Crates of this workspace have namesakes in the registry, so they get no address there.
    if (from_registry[id]) out = out ", \"purl\": " quoted("pkg:cargo/" id)
    return out "}"
}

function dependencies(id, ref,    list, size, i, out) {
    size = split(needs[id], list, " ")
    sort(list, size)
    out = "    {\"ref\": " quoted(ref) ", \"dependsOn\": ["
    for (i = 1; i <= size; i++) out = out (i > 1 ? ", " : "") quoted(list[i])
    return out "]}"
}

END {
    if (root == "") exit 1
    sort(ids, count)
    ref = name "@" version
    print "{"
    print "  \"bomFormat\": \"CycloneDX\","
    print "  \"specVersion\": \"1.6\","
    print "  \"version\": 1,"
    print "  \"metadata\": {"
    print "    \"timestamp\": " quoted(stamp) ","
    print "    \"component\": {\"type\": \"application\", \"bom-ref\": " quoted(ref) ", \"name\": " quoted(name) ", \"version\": " quoted(version) licences(licence[root]) "},"
    print "    \"properties\": [{\"name\": \"cargo:target\", \"value\": " quoted(target) "}]"
    print "  },"
    print "  \"components\": ["
    for (i = 1; i <= count; i++) {
        if (ids[i] == root) continue
        printf "%s%s", separator, component(ids[i])
        separator = ",\n"
    }
    print "\n  ],"
    print "  \"dependencies\": ["
    printf "%s", dependencies(root, ref)
    for (i = 1; i <= count; i++) if (ids[i] != root) printf ",\n%s", dependencies(ids[i], ids[i])
    print "\n  ]"
    print "}"
}
