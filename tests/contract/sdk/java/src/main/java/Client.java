import com.segment.analytics.Analytics;
import com.segment.analytics.Callback;
import com.segment.analytics.messages.AliasMessage;
import com.segment.analytics.messages.GroupMessage;
import com.segment.analytics.messages.IdentifyMessage;
import com.segment.analytics.messages.Message;
import com.segment.analytics.messages.MessageBuilder;
import com.segment.analytics.messages.PageMessage;
import com.segment.analytics.messages.ScreenMessage;
import com.segment.analytics.messages.TrackMessage;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Sends one call of every type through analytics-java: Client URL WRITE_KEY. */
public final class Client {
  public static void main(String[] arguments) throws InterruptedException {
    List<MessageBuilder<?, ?>> messages =
        List.of(
            IdentifyMessage.builder().userId("u1").traits(Map.of("email", "peter@example.com")),
            TrackMessage.builder("Bought").userId("u1").properties(Map.of("plan", "pro")),
            PageMessage.builder("Home").userId("u1"),
            ScreenMessage.builder("Start").userId("u1"),
            GroupMessage.builder("g1").userId("u1").traits(Map.of("name", "Initech")),
            AliasMessage.builder("a1").userId("u1"));
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
    Analytics analytics =
        Analytics.builder(arguments[1])
            .endpoint(arguments[0])
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
