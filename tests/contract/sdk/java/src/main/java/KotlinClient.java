import com.segment.analytics.kotlin.core.RequestFactory;
import com.segment.analytics.kotlin.core.compat.ConfigurationBuilder;
import com.segment.analytics.kotlin.core.compat.JavaAnalytics;
import java.net.HttpURLConnection;
import java.util.Map;

/**
 * Sends every call that analytics-kotlin has (no page: it is a mobile SDK), and flushes until nothing is pending:
 * KotlinClient URL WRITE_KEY.
 */
public final class KotlinClient {
  /** The SDK insists on https; the test's receiver is on plain http. */
  private static final class PlainRequests extends RequestFactory {
    @Override
    public HttpURLConnection openConnection(String url) {
      return super.openConnection(url.replaceFirst("^https:", "http:"));
    }
  }

  public static void main(String[] arguments) throws InterruptedException {
    String host = arguments[0].replaceFirst("^http://", "") + "/v1";
    JavaAnalytics analytics =
        new JavaAnalytics(
            new ConfigurationBuilder(arguments[1])
                .setApplication("hubwire-test-" + ProcessHandle.current().pid())
                .setApiHost(host)
                .setCdnHost(host)
                .setRequestFactory(new PlainRequests())
                .setFlushInterval(1)
                .build());
    analytics.identify("u1", Map.of("email", "peter@example.com"));
    analytics.track("Bought", Map.of("plan", "pro"));
    analytics.screen("Start");
    analytics.group("g1", Map.of("name", "Initech"));
    analytics.alias("u2");
    // The test ends the process when everything has arrived.
    Thread.sleep(80_000);
  }
}
