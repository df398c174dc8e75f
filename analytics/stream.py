#!/usr/bin/python3
"""Figures of all orders from the Kafka topic of events, with Spark Structured Streaming.

  spark-submit --packages org.apache.spark:spark-sql-kafka-0-10_2.13:4.0.0 \\
    analytics/stream.py --brokers HOST:PORT --output DIR

Columns mean what they mean in `flashsaled insight --once`. Below DIR, which is durable and of this job alone:

  windows/     the figures of each complete window of 1, 10 and 60 seconds by sale, item (sku) and currency
  changes/     each change of an order as it came, in a row for the order (its sku is null) and one for each item
  stock/       what sales have said of their items' stock
  checkpoint/  how far each of these has come: a job that was killed goes on without loss or repetition

With --report it reads these folders and prints JSON: orders by status, items with what a forecast of their selling out
begins with, complete windows, the customers who buy most, and addresses and cards that several have in common.
"""

import argparse
import functools
import json
import pathlib

from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as f

EVENT = """
    id STRING, type STRING, subject STRING, time TIMESTAMP, sequence STRING,
    data STRUCT<sale_id: STRING, customer_id: STRING, rehearsal: BOOLEAN, client_hash: STRING,
                payment: STRUCT<card_hash: STRING>,
                lines: ARRAY<STRUCT<sku: STRING, quantity: BIGINT,
                                    unit_price: STRUCT<amount: BIGINT, currency: STRING>>>,
                items: ARRAY<STRUCT<sku: STRING, stock: BIGINT, price: STRUCT<amount: BIGINT, currency: STRING>>>>"""
STATUSES = ("confirmed", "awaiting_payment", "cancelled", "expired", "rejected")
LIVE = ("confirmed", "awaiting_payment")
SERIES = ("sale_id", "sku", "currency")
RATE_S = 60
BUYERS_SHOWN = 20
ORIGIN_WINDOW_S = 3600
ORIGINS_SHOWN = 20

# Of the whole order and of each of its lines. An order has one currency.
PARTS = """
    concat(
        array(struct(CAST(NULL AS STRING) AS sku, data.lines[0].unit_price.currency AS currency,
                     aggregate(data.lines, 0L, (sum, line) -> sum + line.quantity) AS units,
                     aggregate(data.lines, 0L, (sum, line) -> sum + line.quantity * line.unit_price.amount) AS amount)),
        transform(data.lines, line -> struct(line.sku AS sku, line.unit_price.currency AS currency,
                                             line.quantity AS units, line.quantity * line.unit_price.amount AS amount)))
"""


# --- from the topic to rows ------------------------------------------------------------------------------------------

def read_events(spark, options):
    records = (spark.readStream.format("kafka").option("kafka.bootstrap.servers", options.brokers)
               .option("subscribe", options.topic).option("startingOffsets", "earliest")
               .option("kafka.isolation.level", "read_committed")
               .option("maxOffsetsPerTrigger", options.events_per_batch).load())
    events = records.select(f.from_json(f.col("value").cast("string"), EVENT).alias("event")).select("event.*")
    return events.where("id IS NOT NULL AND time IS NOT NULL AND NOT coalesce(data.rehearsal, false)")


def order_changes(events):
    status = f.regexp_extract("type", r"^flashsale\.order\.(\w+)$", 1)
    return (events.withColumn("status", status).where(f.col("status").isin(*STATUSES) & (f.size("data.lines") > 0))
            .select("id", "time", "status", f.col("subject").alias("order_id"), "data.sale_id", "data.customer_id",
                    "data.client_hash", "data.payment.card_hash",
                    f.element_at(f.split("id", "/"), -1).cast("bigint").alias("change_no"),
                    f.explode(f.expr(PARTS)).alias("part"))
            .select("*", "part.*").drop("part"))


def sale_stock(events):
    return (events.where("type LIKE 'flashsale.sale.%'")
            .select("sequence", f.col("subject").alias("sale_id"), f.explode("data.items").alias("item"))
            .select("sequence", "sale_id", "item.sku", f.col("item.price.currency").alias("currency"), "item.stock"))


# --- figures ---------------------------------------------------------------------------------------------------------

PLACED = f"change_no = 1 AND status IN {LIVE}"
RETURNED = "change_no > 1 AND status IN ('cancelled', 'expired')"


def counted(where):
    return f.count(f.expr(f"CASE WHEN {where} THEN 1 END"))


def summed(where, column):
    return f.coalesce(f.sum(f.expr(f"CASE WHEN {where} THEN {column} END")), f.lit(0))


def windows_of(events, options, width_s):
    """What comes again within the time that lateness is waited for is dropped; so is what comes still later."""
    once = events.withWatermark("time", f"{options.late_s} seconds").dropDuplicatesWithinWatermark(["id"])
    return (order_changes(once).groupBy(f.window("time", f"{width_s} seconds"), *SERIES)
            .agg(counted(PLACED).alias("placed_orders"), summed(PLACED, "units").alias("placed_units"),
                 counted("status = 'confirmed'").alias("orders"),
                 summed("status = 'confirmed'", "units").alias("units"),
                 summed("status = 'confirmed'", "amount").alias("revenue"),
                 counted("status = 'cancelled'").alias("cancelled_orders"),
                 summed("status = 'cancelled'", "units").alias("cancelled_units"),
                 summed("status = 'cancelled'", "amount").alias("cancelled_amount"),
                 summed(RETURNED, "units").alias("returned_units"))
            .withColumn("window_s", f.lit(width_s)).withColumn("window_start", f.col("window.start")).drop("window"))


def status_now(changes):
    """Each order under its last change, whatever the order in which they came."""
    last = Window.partitionBy("order_id", "sku", "currency").orderBy(f.desc("change_no"))
    return changes.withColumn("n", f.row_number().over(last)).where("n = 1").drop("n")


def orders_by_status(now):
    return now.groupBy(*SERIES, "status").agg(f.count("*").alias("orders"), f.sum("units").alias("units"),
                                              f.sum("amount").alias("revenue"))


def forecast_input(changes, now, stock):
    """Of each item: what is left, and how fast it went in the last minute that anything was told of."""
    newest = Window.partitionBy(*SERIES).orderBy(f.desc("sequence"))
    last_stock = stock.withColumn("n", f.row_number().over(newest)).where("n = 1").drop("n", "sequence")
    taken = now.where(f"sku IS NOT NULL AND status IN {LIVE}").groupBy(*SERIES).agg(f.sum("units").alias("taken_units"))
    until = changes.agg(f.max("time")).first()[0]
    recent = changes.where(f.col("time") > f.lit(until) - f.expr(f"INTERVAL {RATE_S} SECONDS"))
    rate = recent.groupBy(*SERIES).agg(
        ((summed(PLACED, "units") - summed(RETURNED, "units")) / RATE_S).alias("units_per_s"))
    items = last_stock.join(taken, list(SERIES), "left").join(rate, list(SERIES), "left").fillna(0)
    left = items.withColumn("remaining_units", f.greatest(f.lit(0), f.col("stock") - f.col("taken_units")))
    return left.withColumn("sold_out_within_s", f.expr("""
        CASE WHEN remaining_units = 0 THEN 0L WHEN units_per_s > 0 THEN ceil(remaining_units / units_per_s) END"""))


def complete_windows(spark, options):
    folders = [str(folder) for folder in sorted((options.output / "windows").glob("[0-9]*"))]
    tables = [spark.read.parquet(folder) for folder in folders]
    windows = functools.reduce(lambda one, other: one.unionByName(other), tables)
    return windows.withColumn("window_start", f.date_format("window_start", "yyyy-MM-dd'T'HH:mm:ss'Z'"))


def top_buyers(changes):
    return (changes.where("sku IS NULL AND status = 'confirmed'").groupBy("customer_id")
            .agg(f.sum("units").alias("units")).orderBy(f.desc("units"), "customer_id").limit(BUYERS_SHOWN))


def shared_origins(changes):
    """Addresses and cards that several customers have in common, by the hour: of each kind those of the most."""
    bought = changes.where(f"sku IS NULL AND status IN {LIVE}")
    origins = bought.select("time", "customer_id", f.explode(f.array(
        *[f.struct(f.lit(origin).alias("origin"), f.col(column).alias("hash"))
          for origin, column in (("address", "client_hash"), ("card", "card_hash"))])).alias("one"))
    counted_by_hour = (origins.where("one.hash IS NOT NULL")
                       .groupBy(f.window("time", f"{ORIGIN_WINDOW_S} seconds"), "one.origin", "one.hash")
                       .agg(f.count("*").alias("orders"), f.countDistinct("customer_id").alias("customers"))
                       .where("customers > 1"))
    most = Window.partitionBy("origin").orderBy(f.desc("customers"), f.desc("orders"), "window", "hash")
    return (counted_by_hour.withColumn("n", f.row_number().over(most)).where(f"n <= {ORIGINS_SHOWN}")
            .withColumn("window_start", f.date_format("window.start", "yyyy-MM-dd'T'HH:mm:ss'Z'"))
            .withColumn("window_s", f.lit(ORIGIN_WINDOW_S)).drop("n", "window"))


# --- the job ---------------------------------------------------------------------------------------------------------

def start(rows, options, name):
    writer = (rows.writeStream.format("parquet").outputMode("append").queryName(name)
              .option("path", str(options.output / name))
              .option("checkpointLocation", str(options.output / "checkpoint" / name)))
    if options.until_end:
        return writer.trigger(availableNow=True).start()
    return writer.trigger(processingTime=f"{options.trigger_s} seconds").start()


def run(spark, options):
    events = read_events(spark, options)
    queries = [start(windows_of(events, options, width_s), options, f"windows/{width_s}")
               for width_s in options.widths_s]
    # Totals wait for nobody: what is late is among them, and what came again is dropped when they are read.
    queries += [start(order_changes(events), options, "changes"), start(sale_stock(events), options, "stock")]
    if options.until_end:
        for query in queries:
            query.awaitTermination()
    else:
        # One that fails ends the job, for whoever supervises it to start it again.
        spark.streams.awaitAnyTermination()


def report(spark, options):
    changes = spark.read.parquet(str(options.output / "changes")).dropDuplicates(["id", "sku"]).cache()
    stock = spark.read.parquet(str(options.output / "stock"))
    now = status_now(changes)
    tables = {"orders": orders_by_status(now), "items": forecast_input(changes, now, stock),
              "windows": complete_windows(spark, options), "buyers": top_buyers(changes),
              "shared_origins": shared_origins(changes)}
    print(json.dumps({name: [row.asDict() for row in table.collect()] for name, table in tables.items()}))


def parse_options():
    parser = argparse.ArgumentParser(description="Figures of all orders from the Kafka topic of events.")
    parser.add_argument("--brokers", help="HOST:PORT,…")
    parser.add_argument("--topic", default="flashsale.events")
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("--widths-s", type=lambda text: [int(width) for width in text.split(",")], default=[1, 10, 60],
                        help="of windows (1,10,60)")
    parser.add_argument("--late-s", type=int, default=600, help="how late an event may be for its window (%(default)s)")
    parser.add_argument("--trigger-s", type=int, default=5, help="between two batches (%(default)s)")
    parser.add_argument("--events-per-batch", type=int, default=100_000, help="at most (%(default)s)")
    parser.add_argument("--until-end", action="store_true", help="end where the topic ends now")
    parser.add_argument("--report", action="store_true", help="print what is there, and end")
    options = parser.parse_args()
    if not options.report and not options.brokers:
        parser.error("--brokers is needed, but for --report")
    return options


def main():
    options = parse_options()
    spark = SparkSession.builder.appName("flashsale-insight").config("spark.sql.session.timeZone", "UTC").getOrCreate()
    spark.sparkContext.setLogLevel("WARN")
    if options.report:
        report(spark, options)
    else:
        run(spark, options)
    spark.stop()


if __name__ == "__main__":
    main()
