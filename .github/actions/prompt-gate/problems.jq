# From the JSON of `promptassay check` to annotations: a workflow command for each error.
def data: gsub("%"; "%25") | gsub("\r"; "%0D") | gsub("\n"; "%0A");
def property: data | gsub(":"; "%3A") | gsub(","; "%2C");
.problems[]
| select(.severity == "error")
| (if .place then " file=\(.place.file | property),line=\(.place.line),col=\(.place.column)" else " title=promptassay" end) as $place
| "::error\($place)::\((.message + if .help then "\n" + .help else "" end) | data)"
