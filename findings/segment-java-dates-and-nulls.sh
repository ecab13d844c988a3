#!/usr/bin/env bash
# Segment's Java SDK sends a java.sql.Date in words of the server's language and zone, and leaves out each null.
#
# Packages: com.segment.analytics.java:analytics 3.5.2 (Maven, with Gson 2.9.1), Java 17.
# Expected before the run: each date becomes ISO 8601, as java.util.Date does; a null trait arrives as null, so that it
# can clear a value.
# Seen: java.sql.Timestamp is ISO 8601 as well. But java.sql.Date, which JDBC returns for DATE columns, is "Mar 5,
# 2024" or "März 4, 2024", by the language and the zone of the JVM. A Calendar is an object of six numbers without its
# zone, and January is month 0. Nulls vanish, in nested maps, too.
# Why it matters: birthdays and renewal dates of a database arrive as texts that no destination parses, with another
# day on a developer's machine than on the server. No trait can be cleared.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT; cd "$folder"
cat > pom.xml <<'XML'
<project><modelVersion>4.0.0</modelVersion><groupId>x</groupId><artifactId>x</artifactId><version>1</version>
  <dependencies><dependency><groupId>com.segment.analytics.java</groupId><artifactId>analytics</artifactId><version>3.5.2</version>
  </dependency></dependencies></project>
XML
mvn --quiet --batch-mode dependency:copy-dependencies -DoutputDirectory=lib > mvn.log
cat > Run.java <<'JAVA'
import com.segment.analytics.Analytics;
import com.segment.analytics.messages.IdentifyMessage;
import com.sun.net.httpserver.HttpServer;
import java.util.*;

public class Run {
  public static void main(String[] arguments) throws Exception {
    var uploads = new java.util.concurrent.LinkedBlockingQueue<String>();
    var server = HttpServer.create(new java.net.InetSocketAddress("127.0.0.1", 0), 0);
    server.createContext("/", exchange -> {
      uploads.add(new String(exchange.getRequestBody().readAllBytes()).replaceAll(".*\"traits\":(.*?}).*", "$1"));
      exchange.sendResponseHeaders(200, 2);
      try (var body = exchange.getResponseBody()) { body.write("{}".getBytes()); }
    });
    server.start();
    var host = "http://127.0.0.1:" + server.getAddress().getPort();
    var analytics = Analytics.builder("key").endpoint(host).flushQueueSize(1).build();
    var moment = 1709598000123L; // 2024-03-05T00:20:00.123Z
    for (var value : Arrays.asList(new Date(moment), new java.sql.Timestamp(moment), new java.sql.Date(moment),
        new GregorianCalendar(2024, 0, 31), null)) {
      var traits = new LinkedHashMap<String, Object>(Map.of("plan", "free"));
      traits.put("value", value);
      analytics.enqueue(IdentifyMessage.builder().userId("user").traits(traits));
      System.out.println(uploads.take());
    }
    System.exit(0);
}}
JAVA
run() { java -cp 'lib/*' -Duser.timezone="$1" -Duser.language="$2" -Duser.country="$3" -Dfile.encoding=UTF-8 Run.java; }
run UTC en US | tee american
run America/New_York de DE | tee german
diff <(cat american; sed -n 3p german) - <<'SEEN'
{"plan":"free","value":"2024-03-05T00:20:00.123Z"}
{"plan":"free","value":"2024-03-05T00:20:00.123Z"}
{"plan":"free","value":"Mar 5, 2024"}
{"plan":"free","value":{"year":2024,"month":0,"dayOfMonth":31,"hourOfDay":0,"minute":0,"second":0}
{"plan":"free"}
{"plan":"free","value":"März 4, 2024"}
SEEN
