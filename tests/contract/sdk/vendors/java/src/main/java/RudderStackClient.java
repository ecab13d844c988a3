import com.rudderstack.sdk.java.analytics.Callback;
import com.rudderstack.sdk.java.analytics.RudderAnalytics;
import com.rudderstack.sdk.java.analytics.messages.GroupMessage;
import com.rudderstack.sdk.java.analytics.messages.IdentifyMessage;
import com.rudderstack.sdk.java.analytics.messages.Message;
import com.rudderstack.sdk.java.analytics.messages.MessageBuilder;
import com.rudderstack.sdk.java.analytics.messages.TrackMessage;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Sends identify, track and group through RudderStack's Java SDK: URL WRITE_KEY USER. */
public final class RudderStackClient {
  public static void main(String[] arguments) throws InterruptedException {
    String user = arguments[2];
    Map<String, ?> person = Map.of("email", user + "@site.test", "firstName", "Ann");
    Map<String, ?> order = Map.of("order", user, "revenue", 20.5);
    Map<String, ?> company = Map.of("name", "Acme " + user, "website", "https://" + user + ".test");
    List<MessageBuilder<?, ?>> messages =
        List.of(
            IdentifyMessage.builder().userId(user).traits(person),
            TrackMessage.builder("Order Completed").userId(user).properties(order),
            GroupMessage.builder("g-" + user).userId(user).traits(company));
    CountDownLatch delivered = new CountDownLatch(messages.size());
    Callback callback =
        new Callback() {
          @Override
          public void success(Message message) {
            delivered.countDown();
          }

          @Override
          public void failure(Message message, Throwable cause) {
            cause.printStackTrace();
            System.exit(1);
          }
        };
    RudderAnalytics analytics =
        RudderAnalytics.builder(arguments[1])
            .setDataPlaneUrl(arguments[0])
            .flushInterval(1, TimeUnit.SECONDS)
            .callback(callback)
            .build();
    messages.forEach(analytics::enqueue);
    analytics.flush();
    if (!delivered.await(80, TimeUnit.SECONDS)) {
      System.exit(1);
    }
    analytics.shutdown();
    System.exit(0);
  }
}
